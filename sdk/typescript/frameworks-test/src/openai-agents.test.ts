import { RunContext, RunState, tool, webSearchTool } from "@openai/agents";
import { currentLease, protect } from "@protomesh/sdk/openai-agents";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { agentOf, runner, toolsOf } from "./frameworks/openai-agents.js";
import { Arguments, byArguments, call, once, Player } from "./rig/framework.js";
import { untilFree, untilWaiting } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.start()));
after(() => service.stop());

describe("OpenAI Agents JS", () => {
  it("holds nothing while a person decides", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const asked: unknown[] = [];
    const work = tool({
      name: "work", description: "work", parameters: Arguments,
      needsApproval: (_context, args) => {
        asked.push(args);
        return Promise.resolve(true);
      },
      execute: () => Promise.resolve(`done under ${currentLease()!.resource}`),
    });
    const player = new Player(once(call("work", resource)));
    const agent = agentOf(player, [protect(work, mesh, byArguments())]);

    const paused = await runner.run(agent, "Go.");
    assert.equal(paused.interruptions.length, 1);
    assert.deepEqual(asked, [{ resource, cost: 0 }]);
    await untilFree(mesh, resource);
    // A person takes longer than a process may live.
    const state = await RunState.fromString(agent, JSON.stringify(paused.state));
    state.approve(state.getInterruptions()[0]!);
    await runner.run(agent, state);

    assert.deepEqual(player.seen, [`done under ${resource}`]);
  });

  it("asks for nothing when a guardrail of the tool says no", async () => {
    const mesh = service.client("agent");
    let ruled = 0;
    const work = tool({
      name: "work", description: "work", parameters: Arguments,
      inputGuardrails: [{
        type: "tool_input", name: "never",
        run: () => Promise.resolve({ behavior: { type: "rejectContent", message: "Never." } }),
      }],
      execute: () => Promise.resolve("done"),
    });
    const player = new Player(once(call("work", newResource())));

    await runner.run(agentOf(player, [protect(work, mesh, () => {
      ruled++;
      return undefined;
    })]), "Go.");

    assert.deepEqual(player.seen, ["Never."]);
    assert.equal(ruled, 0);
  });

  it("takes a call that waits out of the queue when its sibling fails", async () => {
    const [busy, free] = [newResource(), newResource()];
    const holder = await service.client("holder").locks.acquire(busy);
    const mesh = service.client("agent");
    let worked = false;
    const fail = tool({
      name: "fail", description: "fail", parameters: Arguments, errorFunction: null,
      execute: async () => {
        await untilWaiting(mesh, busy, 1);
        throw new Error("out of paper");
      },
    });
    const [work] = toolsOf({ tools: { work: () => Promise.resolve(String(worked = true)) } });
    const player = new Player(once(call("fail", free), call("work", busy)));

    await assert.rejects(runner.run(agentOf(player, [fail, work!].map(one => protect(one, mesh, byArguments()))), "Go."), /out of paper/);

    const { waiting } = await mesh.locks.queue(busy);
    assert.equal(waiting.length, 0, "the run waits for what it started");
    const next = await mesh.locks.acquire(free);
    assert.equal(next.previous?.note, "fail failed: Error");
    await holder.release();
    assert.equal(worked, false);
  });

  it("counts the wait in the queue to the time that a tool may take", async () => {
    const resource = newResource();
    const holder = await service.client("holder").locks.acquire(resource);
    const mesh = service.client("agent");
    let worked = false;
    const work = tool({
      name: "work", description: "work", parameters: Arguments, timeoutMs: 300,
      execute: () => Promise.resolve(String(worked = true)),
    });
    const player = new Player(once(call("work", resource)));

    await runner.run(agentOf(player, [protect(work, mesh, byArguments())]), "Go.");

    assert.deepEqual(player.seen, ["Tool 'work' timed out after 300ms."]);
    await untilWaiting(mesh, resource, 0);
    await holder.release();
    await untilFree(mesh, resource);
    assert.equal(worked, false);
  });

  it("protects an agent that is a tool of another", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const seen: string[] = [];
    const [look] = toolsOf({
      tools: {
        look: async () => {
          seen.push(...(await mesh.locks.queue(resource)).heldBy.map(holder => holder.agentId));
          return "looked";
        },
      },
    });
    const clerk = agentOf(new Player(once(call("look", "-"))), [look!]);
    const player = new Player(turn => (turn === 0 ? [{ tool: "clerk", args: { input: resource } as never }] : "done"));
    const asTool = clerk.asTool({ toolName: "clerk", toolDescription: "clerk" });

    await runner.run(agentOf(player, [protect(asTool, mesh, ({ args }) => ({ resource: args.input }))]), "Go.");

    assert.deepEqual(seen, ["agent"]);
    assert.deepEqual(player.seen, ["done"]);
  });

  it("joins the lease of the call around it where the rule says so, instead of waiting for itself", async () => {
    const resource = newResource();
    const mesh = service.client("agent", { sessionId: "run-1" });
    const [work] = toolsOf({ tools: { work: () => Promise.resolve(`done under ${currentLease()!.resource}`) } });
    const inner = new Player(once(call("work", resource)));
    const clerk = agentOf(inner, [protect(work!, mesh, byArguments({ reentrant: true, wait: 0 }))]);
    const player = new Player(turn => (turn === 0 ? [{ tool: "clerk", args: { input: resource } as never }] : "done"));
    const asTool = clerk.asTool({ toolName: "clerk", toolDescription: "clerk" });

    await runner.run(agentOf(player, [protect(asTool, mesh, ({ args }) => ({ resource: args.input }))]), "Go.");

    assert.deepEqual(inner.seen, [`done under ${resource}`]);
    await untilFree(mesh, resource);
  });

  it("does not guess what arguments mean that are no JSON", async () => {
    let worked = false;
    const [work] = toolsOf({ tools: { work: () => Promise.resolve(String(worked = true)) } });
    const guarded = protect(work!, service.client("agent"), () => undefined);

    assert.equal(await guarded.invoke(new RunContext(), "{resource"), "Not done: work. Its arguments are no JSON.");
    assert.equal(worked, false);
  });

  it("refuses in the shape that a tool has promised", async () => {
    const work = tool({
      name: "work", description: "work", parameters: Arguments,
      outputSchema: { type: "object", properties: { ok: { type: "boolean" }, why: { type: "string" } }, required: ["ok"], additionalProperties: true },
      errorFunction: (_context, error) => ({ ok: false, why: (error as Error).message }),
      execute: () => Promise.resolve({ ok: true }),
    });
    const player = new Player(once(call("work", newResource(), 500)));

    await runner.run(agentOf(player, [protect(work, service.client("agent"), byArguments())]), "Go.");

    const { ok, why } = JSON.parse(player.seen[0]!) as { ok: boolean; why: string };
    assert.equal(ok, false);
    assert.match(why, /^Not done: work\. Cost \$500 /);
  });

  it("works in a streamed run", async () => {
    const resource = newResource();
    const [work] = toolsOf({ tools: { work: () => Promise.resolve(`done under ${currentLease()!.resource}`) } });
    const player = new Player(once(call("work", resource), call("work", newResource(), 500)));

    const run = await runner.run(agentOf(player, [protect(work!, service.client("agent"), byArguments())]), "Go.", { stream: true });
    await run.completed;

    assert.equal(player.seen[0], `done under ${resource}`);
    assert.match(player.seen[1]!, /^Not done: work\. /);
  });

  it("says at once that a tool which runs elsewhere cannot be protected", () => {
    assert.throws(() => protect(webSearchTool() as never, service.client("agent"), byArguments()), /web_search.* cannot be protected/);
  });
});
