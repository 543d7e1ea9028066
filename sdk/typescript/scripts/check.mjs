// Checks the types, builds the package, starts one real service for all test files and runs them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const slow = new Set(["many-leases.test.js", "package.test.js"]);
const quick = process.argv.includes("--quick");
const counts = { pass: 0, fail: 0, skipped: 0 };

function finish() {
  console.log(`suite typescript: ${counts.pass} passed, ${counts.fail} failed, ${counts.skipped} skipped`);
  process.exit(counts.fail > 0 ? 1 : 0);
}

/** One test that is a program of its own. */
function step(name, script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: ["ignore", 2, 2] });
  counts[status === 0 ? "pass" : "fail"]++;
  console.error(`${status === 0 ? "✔" : "✖"} ${name}`);
  return status === 0;
}

rmSync(join(root, "build"), { recursive: true, force: true });
if (!step("the types hold", "node_modules/typescript/bin/tsc", "-p", "tsconfig.json") || !step("the package builds", "scripts/build.mjs")) {
  finish();
}

const { Service } = await import(new URL("../build/test/rig/service.js", import.meta.url).href);
let service;
try {
  service = await Service.start();
} catch (fault) {
  console.error(fault.message);
  counts.fail++;
  finish();
}

const folder = join(root, "build", "test");
const files = readdirSync(folder).filter(name => name.endsWith(".test.js") && !(quick && slow.has(name))).map(name => join(folder, name));
const results = mkdtempSync(join(tmpdir(), "protomesh-check-"));
const tap = join(results, "results.tap");
spawnSync(process.execPath, [
  "--test", "--test-concurrency=2", "--test-timeout=180000", "--test-reporter=spec", "--test-reporter-destination=stderr", "--test-reporter=tap", `--test-reporter-destination=${tap}`, ...files,
], { cwd: root, stdio: ["ignore", 2, 2], env: { ...process.env, PROTOMESH_TEST_URL: service.url } });
await service.stop();

const text = readFileSync(tap, "utf8");
rmSync(results, { recursive: true, force: true });
const told = name => Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(text)?.[1] ?? NaN);
counts.pass += told("pass") || 0;
counts.skipped += (told("skipped") || 0) + (told("todo") || 0);
// No totals means that the runner itself broke.
counts.fail += Number.isNaN(told("tests")) ? 1 : told("fail") + told("cancelled");
finish();
