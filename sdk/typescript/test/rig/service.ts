import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ClientOptions, ProtoMesh } from "../../src/index.js";
import { repository } from "./paths.js";

/** The built service. */
export function program(): string {
  const path = process.env.PROTOMESH_SERVER_DLL ?? join(repository, "src/ProtoMesh.Server/bin/Debug/net10.0/ProtoMesh.Server.dll");
  if (!existsSync(path)) {
    throw new Error("There is no built service. Run: dotnet build src/ProtoMesh.Server, or set PROTOMESH_SERVER_DLL.");
  }
  return path;
}

/** A real service of its own folder and port. */
export class Service {
  readonly url: string;
  readonly #process: ChildProcess | undefined;
  readonly #folder: string | undefined;

  private constructor(url: string, process?: ChildProcess, folder?: string) {
    this.url = url;
    this.#process = process;
    this.#folder = folder;
  }

  /** The one that all test files share when the whole suite runs, else one for this file. */
  static async shared(): Promise<Service> {
    const url = process.env.PROTOMESH_TEST_URL;
    return url ? new Service(url) : Service.start();
  }

  static async start(settings: Readonly<Record<string, string>> = {}, port = 0): Promise<Service> {
    const path = program();
    const folder = mkdtempSync(join(tmpdir(), "protomesh-"));
    const child = spawn("dotnet", [path], {
      cwd: folder,
      env: {
        ...process.env,
        ASPNETCORE_URLS: `http://127.0.0.1:${port}`,
        Store__DataFolder: join(folder, "data"),
        "Logging__LogLevel__Microsoft.Hosting.Lifetime": "Information",
        ...settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // A test file that ends early takes its service with it.
    process.once("exit", () => child.kill("SIGKILL"));
    let said = "";
    child.stderr.on("data", text => (said += String(text)));
    for await (const line of createInterface({ input: child.stdout })) {
      said += `${line}\n`;
      const url = /Now listening on: (http:\/\/[\d.]+:\d+)/.exec(line)?.[1];
      if (url) {
        child.stdout.resume();
        return new Service(url, child, folder);
      }
    }
    throw new Error(`The service did not start:\n${said}`);
  }

  client(agentId: string, options: ClientOptions = {}): ProtoMesh {
    return new ProtoMesh({ baseUrls: this.url, agentId, logger: { warn: () => {} }, ...options });
  }

  async stop(): Promise<void> {
    if (this.#process && this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    if (this.#folder !== undefined) {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}

let names = 0;

/** A resource that no other test has. */
export function newResource(type = "customer"): string {
  return `${type}/${process.pid}-${Date.now().toString(36)}-${names++}`;
}
