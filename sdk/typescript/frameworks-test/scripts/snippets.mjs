// Copies the framework examples out of the SDK's README, each beside a scripted model, so that they are compiled and run.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const section = readFileSync(join(home, "../README.md"), "utf8").split(/^## Frameworks$/m)[1] ?? "";
const target = join(home, "src/readme/generated");
rmSync(target, { recursive: true, force: true });
for (const [, code] of section.split(/^## /m)[0].matchAll(/^```ts\n(.*?)^```$/gms)) {
  const name = /"@protomesh\/sdk\/([\w-]+)"/.exec(code)?.[1];
  if (name === undefined) {
    throw new Error(`An example of the README uses no integration:\n${code}`);
  }
  mkdirSync(join(target, name), { recursive: true });
  writeFileSync(join(target, name, existsSync(join(target, name, "agent.ts")) ? "paused.ts" : "agent.ts"), code);
  writeFileSync(join(target, name, "model.ts"), `export { model } from "../../${name}.js";\n`);
}
