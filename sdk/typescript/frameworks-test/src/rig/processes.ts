import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What an agent in a process of its own is to do. */
export interface Job {
  readonly framework: string;
  readonly url: string;
  readonly agentId: string;
  readonly resource: string;
  /** Adds 1 to the number in the file, so many times, each in a call of a tool. */
  readonly increment?: { readonly file: string; readonly times: number };
  /** Never ends its tool. */
  readonly hold?: { readonly ttl: number };
}

const program = join(dirname(fileURLToPath(import.meta.url)), "agent-process.js");

/** An agent in a process of its own. Its tool says so when it begins. */
export class AgentProcess {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown[]>;
  #errors = "";

  constructor(job: Job) {
    this.#process = spawn(process.execPath, [program, JSON.stringify(job)], { stdio: ["pipe", "pipe", "pipe"] });
    this.#ended = once(this.#process, "exit");
    createInterface({ input: this.#process.stdout! }).on("line", line => this.#lines.push(line));
    this.#process.stderr!.on("data", text => (this.#errors += String(text)));
    const orphan = () => this.#process.kill("SIGKILL");
    process.once("exit", orphan);
    this.#process.once("exit", () => process.off("exit", orphan));
  }

  said(line: string): boolean {
    if (this.#process.exitCode !== null && this.#process.exitCode !== 0) {
      throw new Error(`The agent ended with ${this.#process.exitCode}:\n${this.#errors}`);
    }
    return this.#lines.includes(line);
  }

  /** Lets it begin. */
  go(): void {
    this.#process.stdin!.end("go\n");
  }

  /** @returns what it said. */
  async finish(): Promise<readonly string[]> {
    const [code] = await this.#ended;
    if (code !== 0) {
      throw new Error(`The agent ended with ${String(code)}:\n${this.#errors}`);
    }
    return this.#lines;
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
