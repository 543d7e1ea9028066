import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Service } from "./rig/service.js";
import { home } from "./rig/paths.js";

const run = promisify(execFile);
let service: Service;
let project: string;

const use = `
const mesh = new ProtoMesh({ agentId: "someone" });
const token = await mesh.withLock("package/" + process.pid, lease => lease.fencingToken);
console.log(typeof token, new MeshError({ code: "x", title: "X", status: 500, type: "t", retryable: false }).name);
await mesh.close();
`;

const typed = `
import { type Lease, MeshError, ProtoMesh, type Ticket } from "@protomesh/sdk";
async function main(): Promise<void> {
  ${use}
  const held: readonly Lease[] = mesh.held;
  const ticket: Ticket | undefined = held[0]?.ticket();
  // @ts-expect-error A priority is a number.
  void (() => mesh.locks.acquire("a/b", { priority: "high" }));
  void (() => mesh.guard({ action: "x" }, guard => (guard.granted ? null : guard.text satisfies string)));
  console.log(ticket);
}
void main();`;

/**
 * Each is a program; those without imports of their own go on from the first one. What a reader has of its own is before
 * it. Those that need a framework are run where the frameworks are.
 */
const snippets = [join(home, "README.md"), join(home, "..", "..", "README.md")].flatMap(page => [...readFileSync(page, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)]).map(([, snippet]) => snippet!).filter(
  snippet => !/"@protomesh\/sdk\/[\w-]+"/.test(snippet)).map(snippet => `
async function save(_what: unknown, _token: number, _signal: AbortSignal): Promise<void> {}
async function pay(_who: string, _amount: number, _signal: AbortSignal): Promise<void> {}
const customer = { name: "Ann" };
void save, void pay, void customer;
${snippet.startsWith("import ") ? "" : 'import { ProtoMesh } from "@protomesh/sdk";\nconst mesh = new ProtoMesh();\n'}${snippet}`);

const samples = {
  basic: /^10 additions of two agents: 10\n$/,
  queue: /^holder prints a long report; waiting: recall notice, invoices, newsletter\n[^\n]+\nprinted in this order: recall notice, invoices, newsletter\n$/,
  policy: new RegExp([
    "^deny: Cost \\$500 exceeds limit \\$100 for role junior", "It would take: metadata\\.estimated_cost <= 100", "Not done: refund\\. Cost \\$120 [^\\n]+",
    "Refunded \\$40 under the token number\\.", "$",
  ].join("\\n")),
  walkthrough: /free for bob: false\n {3}bob would be number 1, behind ann \(first look\)[\s\S]+the same token: true, held: true\n {3}a write under it is valid: true[\s\S]+the worker stops: true\n6\. bob has it; the last hold ended as force_released\n[\s\S]+lock\.force_released[\s\S]*lock\.released\n$/,
};

/** An empty project in which only this package is installed, from what would be published. */
before(async () => {
  service = await Service.shared();
  project = mkdtempSync(join(tmpdir(), "protomesh-project-"));
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", project], { cwd: home });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", `./${filename}`], { cwd: project });
  // The declarations of Node and the compiler are the project's own in reality; here they are those that are at hand.
  cpSync(join(home, "node_modules/@types"), join(project, "node_modules/@types"), { recursive: true });
  cpSync(join(home, "node_modules/undici-types"), join(project, "node_modules/undici-types"), { recursive: true });
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({
    compilerOptions: {
      module: "nodenext", target: "es2022", lib: ["es2022", "esnext.disposable"], strict: true, noUncheckedIndexedAccess: true, types: ["node"],
      exactOptionalPropertyTypes: true, skipLibCheck: false, allowJs: true, checkJs: true, outDir: "out", rootDir: ".",
    },
    include: ["*.mts", "*.cts", ...Object.keys(samples).map(name => `${name}.mjs`)],
  }));
  writeFileSync(join(project, "typed.mts"), typed);
  writeFileSync(join(project, "typed.cts"), typed);
  snippets.forEach((snippet, index) => writeFileSync(join(project, `readme-${index}.mts`), snippet));
  Object.keys(samples).forEach(name => cpSync(join(home, "samples", `${name}.mjs`), join(project, `${name}.mjs`)));
});

after(async () => {
  await service.stop();
  rmSync(project, { recursive: true, force: true });
});

function node(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, args, { cwd: project, env: { ...process.env, PROTOMESH_URL: service.url }, timeout: 60_000 });
}

test("The README has snippets", () => assert.ok(snippets.length >= 7));

test("The package has what it needs and nothing else", () => {
  const root = join(project, "node_modules/@protomesh/sdk");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });

  assert.deepEqual(readdirSync(root).sort(), ["LICENSE", "README.md", "dist", "package.json"]);
  assert.deepEqual(files.filter(file => !/(\.js|\.d\.ts|package\.json|README\.md|LICENSE)$/.test(file) && /\./.test(file)), []);
  assert.equal((JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies?: object }).dependencies, undefined);
});

test("An ES module imports it", async () => {
  writeFileSync(join(project, "use.mjs"), `import { MeshError, ProtoMesh } from "@protomesh/sdk";\n${use}`);

  assert.equal((await node("use.mjs")).stdout, "number MeshError\n");
});

test("A CommonJS module requires it", async () => {
  writeFileSync(join(project, "require.cjs"), `const { MeshError, ProtoMesh } = require("@protomesh/sdk");\n(async () => {${use}})();`);

  assert.equal((await node("require.cjs")).stdout, "number MeshError\n");
});

test("TypeScript files of both kinds, the README's snippets and the samples pass the strictest check", async () => {
  await run(process.execPath, [join(home, "node_modules/typescript/bin/tsc"), "-p", project]).catch((fault: { stdout: string }) => assert.fail(fault.stdout));

  for (const file of ["out/typed.mjs", "out/typed.cjs"]) {
    assert.equal((await node(file)).stdout, "number MeshError\nundefined\n");
  }
});

for (const index of snippets.keys()) {
  test(`Snippet ${index + 1} of the README runs`, async () => {
    await node(`out/readme-${index}.mjs`).catch((fault: { stderr: string }) => assert.fail(fault.stderr));
  });
}

for (const [name, expected] of Object.entries(samples)) {
  test(`The sample ${name} does what it says`, async () => assert.match((await node(`${name}.mjs`)).stdout, expected));
}
