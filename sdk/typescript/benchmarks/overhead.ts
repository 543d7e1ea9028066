// What the SDK costs: acquire and release through it against the same two calls through bare fetch, in turns in one run.
//
//   npm run build && npx tsc -p tsconfig.json && node build/benchmarks/overhead.js [pairs]
//
// The service is the one at PROTOMESH_URL, else one of its own. The last line is the ratio of the medians.
import { newRequestId } from "../src/leases/ids.js";
import { Service } from "../test/rig/service.js";

const PAIRS = Number(process.argv[2] ?? 3_000);
const WARM_UP = 500;
const GOAL = 0.25;

const url = process.env.PROTOMESH_URL;
const service = url ? undefined : await Service.start();
const base = url ?? service!.url;
const { ProtoMesh } = await import("../src/index.js");
const mesh = new ProtoMesh({ baseUrls: base, agentId: "sdk" });
const headers = { "content-type": "application/json", accept: "application/json", prefer: "wait=8" };

async function post(path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${base}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

async function bare(resource: string): Promise<void> {
  const grant = await post("/v1/locks", { request_id: newRequestId(), resource, agent_id: "bare", wait_ms: 30_000 });
  await post(`/v1/locks/${String(grant.lock_id)}/release`, { fencing_token: grant.fencing_token });
}

async function throughTheSdk(resource: string): Promise<void> {
  await (await mesh.locks.acquire(resource)).release();
}

async function time(work: (resource: string) => Promise<void>, index: number): Promise<number> {
  const started = performance.now();
  await work(`overhead/${index % 100}`);
  return performance.now() - started;
}

const times = { bare: [] as number[], sdk: [] as number[] };
for (let index = 0; index < PAIRS + WARM_UP; index++) {
  // Whoever comes second finds warm caches, so they take turns at that too.
  const order = index % 2 === 0 ? (["bare", "sdk"] as const) : (["sdk", "bare"] as const);
  for (const name of order) {
    const took = await time(name === "bare" ? bare : throughTheSdk, index);
    if (index >= WARM_UP) {
      times[name].push(took);
    }
  }
}

const at = (list: readonly number[], part: number) => [...list].sort((a, b) => a - b)[Math.floor(list.length * part)]!;
for (const [name, list] of Object.entries(times)) {
  console.log(`${name.padEnd(4)} median ${at(list, 0.5).toFixed(3)} ms, p95 ${at(list, 0.95).toFixed(3)} ms over ${list.length} pairs of calls`);
}
const overhead = at(times.sdk, 0.5) / at(times.bare, 0.5) - 1;
console.log(`overhead ${(overhead * 100).toFixed(1)} % (goal: under ${GOAL * 100} %)`);
await mesh.close();
await service?.stop();
process.exitCode = overhead < GOAL ? 0 : 1;
