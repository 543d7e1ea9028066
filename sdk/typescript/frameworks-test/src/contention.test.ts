import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { frameworks } from "./frameworks/all.js";
import { byArguments, call, once } from "./rig/framework.js";
import { until, untilFree, untilWaiting } from "./rig/poll.js";
import { AgentProcess } from "./rig/processes.js";
import { newResource, Service } from "./rig/service.js";
import { slow } from "./rig/slow.js";

let service: Service;
before(async () => (service = await Service.start()));
after(() => service.stop());

for (const framework of frameworks) {
  describe(`Contention: ${framework.name}`, () => {
    it("lets one of two agents in at a time, and the second after the first", async () => {
      const resource = newResource();
      const tokens: number[] = [];
      let inside = 0;
      const agent = (agentId: string) => {
        const mesh = service.client(agentId);
        return framework.run({
          mesh,
          rule: byArguments(),
          tools: {
            async work() {
              assert.equal(++inside, 1, "two agents are inside");
              tokens.push(framework.currentLease()!.fencingToken);
              if (tokens.length === 1) {
                await untilWaiting(mesh, resource, 1);
              }
              inside--;
              return `done by ${agentId}`;
            },
          },
          script: once(call("work", resource)),
        });
      };

      const outcomes = await Promise.all([agent("agent-a"), agent("agent-b")]);

      assert.deepEqual(outcomes.map(({ seen }) => seen), [["done by agent-a"], ["done by agent-b"]]);
      assert.equal(tokens.length, 2);
      assert.ok(tokens[0]! < tokens[1]!, `tokens ${tokens.join(", ")}`);
      await untilFree(service.client("looker"), resource);
    });

    slow("lets one of two processes in at a time, so no change is lost", async () => {
      await increment([framework.name, framework.name], 5);
    });

    slow("gives the resource to the next when the process of its holder dies", async () => {
      const resource = newResource();
      const dying = new AgentProcess({ framework: framework.name, url: service.url, agentId: "dying", resource, hold: { ttl: 2_000 } });
      try {
        await until("it is ready", () => dying.said("ready"), 60_000);
        dying.go();
        await until("its tool has begun", () => dying.said("in"));
        const mesh = service.client("heir");
        const heir = framework.run({
          mesh,
          rule: byArguments(),
          tools: {
            work: () => {
              const { previous } = framework.currentLease()!;
              return Promise.resolve(`${previous?.agentId}: ${previous?.ended}`);
            },
          },
          script: once(call("work", resource)),
        });
        await untilWaiting(mesh, resource, 1);
        await dying.kill();

        assert.deepEqual((await heir).seen, ["dying: expired"]);
      } finally {
        await dying.kill();
      }
    });

    it("runs parallel calls of one agent one after the other on one resource", async () => {
      const resource = newResource();
      const tokens: number[] = [];
      let inside = 0;
      const mesh = service.client("agent");

      const { seen } = await framework.run({
        mesh,
        rule: byArguments(),
        tools: {
          async work({ cost }) {
            assert.equal(++inside, 1, "two calls are inside");
            if (tokens.length === 0) {
              await untilWaiting(mesh, resource, 2);
            }
            tokens.push(framework.currentLease()!.fencingToken);
            inside--;
            return `done ${cost}`;
          },
        },
        script: once(call("work", resource, 1), call("work", resource, 2), call("work", resource, 3)),
      });

      assert.deepEqual([...seen].sort(), ["done 1", "done 2", "done 3"]);
      assert.deepEqual(tokens, [...tokens].sort((a, b) => a - b));
      assert.equal(new Set(tokens).size, 3);
    });

    it("runs parallel calls of one agent at once on different resources", async () => {
      const resources = [newResource(), newResource(), newResource()];
      const inside = new Set<string>();

      const { seen } = await framework.run({
        mesh: service.client("agent"),
        rule: byArguments(),
        tools: {
          async work({ resource }) {
            inside.add(resource);
            await until("all are inside", () => inside.size === 3);
            return framework.currentLease()!.resource!;
          },
        },
        script: once(...resources.map(resource => call("work", resource))),
      });

      assert.deepEqual([...seen].sort(), [...resources].sort());
    });

    it("takes back its place in the queue when the run is aborted, and does not run the tool", async () => {
      const resource = newResource();
      const holder = await service.client("holder").locks.acquire(resource);
      const mesh = service.client("agent");
      const abort = new AbortController();
      let ran = false;
      const run = framework.run({
        mesh,
        rule: byArguments(),
        tools: { work: () => Promise.resolve(String(ran = true)) },
        script: once(call("work", resource)),
        signal: abort.signal,
      });
      const rejected = assert.rejects(run);
      await untilWaiting(mesh, resource, 1);

      abort.abort();

      await rejected;
      await untilWaiting(mesh, resource, 0);
      await holder.release();
      const next = await mesh.locks.acquire(resource, { wait: 0 });
      assert.equal(next.previous?.agentId, "holder", "nobody had it in between");
      await next.release();
      assert.equal(ran, false);
    });

    it("leaves nothing behind when the grant and the abort cross", async () => {
      const mesh = service.client("agent");
      const other = service.client("holder");
      for (let round = 0; round < 10; round++) {
        const resource = newResource();
        const holder = await other.locks.acquire(resource);
        const abort = new AbortController();
        const run = framework.run({
          mesh,
          rule: byArguments(),
          tools: { work: (_args, signal) => Promise.resolve(String(signal?.aborted)) },
          script: once(call("work", resource)),
          signal: abort.signal,
        }).then(({ seen }) => seen, () => "aborted");
        await untilWaiting(mesh, resource, 1);

        // The abort comes before, with and after the answer that brings the grant.
        const released = holder.release();
        await delay(round);
        abort.abort();

        const outcome = await run;
        assert.ok(outcome === "aborted" || outcome[0] === "false", `round ${round}: ${String(outcome)}`);
        await released;
        await untilFree(mesh, resource);
      }
    });
  });
}

describe("Contention: all of them", () => {
  slow("lets one of four processes in at a time, each with another framework", async () => {
    await increment(frameworks.map(framework => framework.name), 3);
  });
});

/** A process for each framework adds to one number, so many times. None may be inside with another, and none may be lost. */
async function increment(names: readonly string[], times: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "protomesh-"));
  const file = join(folder, "number");
  writeFileSync(file, "0");
  const resource = newResource("file");
  const agents = names.map((framework, index) =>
    new AgentProcess({ framework, url: service.url, agentId: `agent-${index}`, resource, increment: { file, times } }));
  try {
    await until("all are ready", () => agents.every(agent => agent.said("ready")), 60_000);
    agents.forEach(agent => agent.go());
    const said = await Promise.all(agents.map(agent => agent.finish()));

    assert.deepEqual(said.map(lines => lines.at(-1)), names.map(() => "all done"));
    assert.equal(readFileSync(file, "utf8"), String(names.length * times));
  } finally {
    await Promise.all(agents.map(agent => agent.kill()));
    rmSync(folder, { recursive: true });
  }
}
