// Replays the scenarios of tests/conformance with this SDK against the stage, and writes one line of JSON for each.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "./conformance/json.js";
import { Play } from "./conformance/play.js";
import { Stage } from "./conformance/scene.js";

const AT_ONCE = 16;

function need(name: string): string {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set; see tests/conformance/README.md.`);
    process.exit(2);
  }
  return value;
}

const stage = new Stage(need("PROTOMESH_STAGE"));
const folder = need("PROTOMESH_SCENARIOS");
const only = process.env.PROTOMESH_ONLY ?? "";
const left = readdirSync(folder).filter(name => name.endsWith(".json")).sort().flatMap(name => {
  const { topic, scenarios } = JSON.parse(readFileSync(join(folder, name), "utf8")) as { topic: string; scenarios?: JsonObject[] };
  return (scenarios ?? []).map(scenario => ({ id: `${topic}/${String(scenario.name)}`, scenario }));
}).filter(({ id }) => id.includes(only));

async function work(): Promise<void> {
  for (let next = left.shift(); next; next = left.shift()) {
    const started = performance.now();
    const error = await Play.run(next.scenario, stage).then(() => null, (fault: unknown) => (fault instanceof Error ? fault.message : String(fault)));
    console.log(JSON.stringify({ scenario: next.id, passed: error === null, ms: Math.round(performance.now() - started), error }));
    process.exitCode = error === null ? process.exitCode ?? 0 : 1;
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
// Whatever a scenario left behind must not keep the run open.
process.exit();
