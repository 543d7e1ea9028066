import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { until } from "./rig/poll.js";
import { Service } from "./rig/service.js";

const LEASES = 10_000;
const TTL = 24_000;

let service: Service;
before(async () => (service = await Service.shared()));
after(() => service.stop());

test("10,000 leases of one client renew with at most 50 requests an interval", async t => {
  const renewals: number[] = [];
  const mesh = service.client("hoarder", {
    namespace: `many-${process.pid}`,
    fetch: (input, init) => {
      if (new URL(String(input)).pathname.endsWith("/renew")) {
        renewals.push(performance.now());
      }
      return fetch(input, init);
    },
  });
  let next = 0;
  const acquire = async () => {
    while (next < LEASES) {
      await mesh.locks.acquire(`customer/${next++}`, { ttl: TTL });
    }
  };
  await Promise.all(Array.from({ length: 32 }, acquire));
  assert.equal(mesh.held.length, LEASES);

  const from = performance.now();
  const interval = TTL / 3;
  await until("two intervals are over", () => performance.now() > from + 2 * interval, 60_000);

  const counts = [0, 1].map(index => renewals.filter(at => at >= from + index * interval && at < from + (index + 1) * interval).length);
  t.diagnostic(`renewals an interval of ${interval / 1_000} s: ${counts.join(" and ")}`);
  assert.ok(counts.every(count => count >= LEASES / 1_000 && count <= 50), String(counts));
  assert.equal(mesh.held.length, LEASES, "all are still held");
  await mesh.close();
});
