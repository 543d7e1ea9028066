import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ProtoMesh } from "@protomesh/sdk";
import { frameworks } from "./frameworks/all.js";
import { byArguments, call, once } from "./rig/framework.js";
import { until, untilFree } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";
import { slow } from "./rig/slow.js";

let service: Service;
before(async () => (service = await Service.start()));
after(() => service.stop());

for (const framework of frameworks) {
  describe(`Refusals: ${framework.name}`, () => {
    it("lets the model read why the policy says no, and what would be allowed", async () => {
      const resource = newResource();
      const spent: number[] = [];

      const { text, seen } = await framework.run({
        mesh: service.client("agent"),
        rule: byArguments(),
        tools: {
          spend({ cost }) {
            spent.push(cost);
            return Promise.resolve(`spent $${cost}`);
          },
        },
        // It asks for too much, reads what is allowed and asks for that.
        script: (_turn, seen) => {
          const last = seen.at(-1);
          const allowed = /It would be allowed with: metadata\.estimated_cost <= (\d+)\./.exec(last ?? "");
          return last === undefined ? [call("spend", resource, 500)] : allowed ? [call("spend", resource, Number(allowed[1]))] : last;
        },
      });

      assert.match(seen[0]!, /^Not done: spend\. Cost \$500 exceeds limit \$100 for role user\. It would be allowed with: /);
      assert.deepEqual(spent, [100]);
      assert.equal(text, "spent $100");
      await untilFree(service.client("looker"), resource);
    });

    it("asks only the policy when the rule names no resource", async () => {
      const { seen } = await framework.run({
        mesh: service.client("agent"),
        rule: ({ args }) => ({ action: "purchase", metadata: { estimated_cost: args.cost } }),
        tools: { buy: () => Promise.resolve(`bought under ${String(framework.currentLease())}`) },
        script: turn => turn === 0 ? [call("buy", "-", 5_000)] : turn === 1 ? [call("buy", "-", 50)] : "done",
      });

      assert.match(seen[0]!, /^Not done: purchase\. Cost \$5000 exceeds limit/);
      assert.equal(seen[1], "bought under null");
    });

    it("tells the model who holds it, so that it does something else", async () => {
      const busy = newResource();
      const idle = newResource();
      const holder = await service.client("agent-b").locks.acquire(busy, { reason: "refund #42" });
      const done: string[] = [];

      const { text } = await framework.run({
        mesh: service.client("agent-a"),
        rule: byArguments({ wait: 0 }),
        tools: {
          work({ resource }) {
            done.push(resource);
            return Promise.resolve("done");
          },
        },
        script: (_turn, seen) => {
          const last = seen.at(-1);
          return last === undefined ? [call("work", busy)]
            : last.startsWith("Not done: work.") && last.includes("agent-b") ? [call("work", idle)] : last;
        },
      });

      assert.equal(text, "done");
      assert.deepEqual(done, [idle]);
      await holder.release();
    });

    it("tells the model that the work may be half done when the lease is lost", async () => {
      const resource = newResource();
      const admin = service.client("admin");
      let stopped = false;

      const { seen } = await framework.run({
        mesh: service.client("agent"),
        rule: byArguments({ ttl: 1_000 }),
        tools: {
          async work(_args, signal) {
            await admin.locks.forceRelease(resource, { reason: "stuck", immediate: true });
            await until("the tool is told to stop", () => signal?.aborted);
            stopped = true;
            signal!.throwIfAborted();
            return "never";
          },
        },
        script: once(call("work", resource)),
      });

      assert.match(seen[0]!, /^work may be half done: /);
      await until("the tool has stopped", () => stopped);
      await untilFree(admin, resource);
    });

    it("says that the work may be half done also when the tool did not listen", async () => {
      const resource = newResource();
      const admin = service.client("admin");

      const { seen } = await framework.run({
        mesh: service.client("agent"),
        rule: byArguments(),
        tools: {
          async work() {
            await admin.locks.forceRelease(resource, { reason: "stuck", immediate: true });
            return "done";
          },
        },
        script: once(call("work", resource)),
      });

      assert.match(seen[0]!, /^work may be half done: /);
    });

    it("leaves the tool's own error as it is, and a note for the next holder", async () => {
      const resource = newResource();
      const mesh = service.client("agent");
      class OutOfPaper extends Error {
        override readonly name = "Error";
      }
      const run = framework.run({
        mesh,
        rule: byArguments({ action: "customer.print" }),
        tools: { print: () => Promise.reject(new OutOfPaper("out of paper")) },
        script: once(call("print", resource)),
      });

      if (framework.onToolError === undefined) {
        await assert.rejects(run, OutOfPaper);
      } else {
        assert.deepEqual((await run).seen, [framework.onToolError]);
      }
      const next = await mesh.locks.acquire(resource);
      assert.equal(next.previous?.note, framework.name === "OpenAI Agents JS" ? null : "customer.print failed: Error");
      await next.release();
    });

    slow("does not run the tool when the service cannot be reached", async () => {
      const mesh = new ProtoMesh({ baseUrls: "http://127.0.0.1:1", agentId: "agent", retryFor: 300 });
      let ran = false;

      const { seen } = await framework.run({
        mesh,
        rule: byArguments({ wait: 0 }),
        tools: { work: () => Promise.resolve(String(ran = true)) },
        script: once(call("work", newResource())),
      });

      assert.match(seen[0]!, /^Not done: work\. /);
      assert.equal(ran, false);
    });

    slow("runs the tool without a lease when the rule prefers that to waiting for the service", async () => {
      const warnings: string[] = [];
      const logger = { warn: (text: string) => warnings.push(text) };
      const mesh = new ProtoMesh({ baseUrls: "http://127.0.0.1:1", agentId: "agent", retryFor: 300, logger });

      const { seen } = await framework.run({
        mesh,
        rule: byArguments({ wait: 0, onUnavailable: "open" }),
        tools: { work: () => Promise.resolve(`under ${String(framework.currentLease())}`) },
        script: once(call("work", newResource())),
      });

      assert.deepEqual(seen, ["under null"]);
      assert.equal(warnings.length, 1);
    });

    it("does not run the tool when the rule throws, and tells the model", async () => {
      let ran = false;

      const { seen } = await framework.run({
        mesh: service.client("agent"),
        rule: () => {
          throw new Error("no customer 7");
        },
        tools: { work: () => Promise.resolve(String(ran = true)) },
        script: once(call("work", newResource())),
      });

      assert.deepEqual(seen, ["Not done: work. What it needs could not be told from its arguments: Error: no customer 7"]);
      assert.equal(ran, false);
    });

    it("runs a tool as it is when the rule asks for nothing", async () => {
      const resource = newResource();
      const holder = await service.client("holder").locks.acquire(resource);

      const { seen } = await framework.run({
        mesh: service.client("agent"),
        rule: ({ name }) => (name === "write" ? { resource } : undefined),
        tools: { read: () => Promise.resolve("read") },
        script: once(call("read", resource)),
      });

      assert.deepEqual(seen, ["read"]);
      await holder.release();
    });

    it("shows in the queue which call of which tool holds", async () => {
      const resource = newResource();
      const mesh = service.client("agent");

      const { seen } = await framework.run({
        mesh,
        rule: byArguments(),
        tools: {
          async work() {
            const { labels, agentId } = await mesh.locks.get(framework.currentLease()!.lockId);
            return JSON.stringify({ agentId, ...labels });
          },
        },
        script: once(call("work", resource)),
      });

      assert.deepEqual(JSON.parse(seen[0]!), { agentId: "agent", tool: "work", tool_call: "call-0-0" });
    });
  });
}
