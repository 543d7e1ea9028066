import { currentLease, protect, protectTools } from "@protomesh/sdk/ai";
import { generateText, type ModelMessage, stepCountIs, streamText, tool } from "ai";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { outputsOf, scriptedModel, toolsOf } from "./frameworks/ai.js";
import { Arguments, byArguments, call, once, Player } from "./rig/framework.js";
import { until, untilFree, untilWaiting } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.start()));
after(() => service.stop());

const stopWhen = stepCountIs(10);

describe("Vercel ai", () => {
  it("protects a single tool by a rule that names the action", async () => {
    const mesh = service.client("agent");
    const player = new Player(once(call("buy", newResource(), 500), call("buy", newResource(), 50)));
    const buy = protect(
      tool({
        inputSchema: Arguments,
        execute: async ({ cost }) => {
          const { labels } = await mesh.locks.get(currentLease()!.lockId);
          return `bought for $${cost} by ${labels?.tool}`;
        },
      }),
      mesh,
      ({ args }) => ({ action: "purchase", resource: args.resource, metadata: { estimated_cost: args.cost } }));

    await generateText({ model: scriptedModel(player), tools: { buy }, prompt: "Go.", stopWhen });

    assert.match(player.seen[0]!, /^Not done: purchase\. Cost \$500 /);
    assert.equal(player.seen[1], "bought for $50 by purchase");
  });

  it("holds nothing while a person decides", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const player = new Player((_turn, seen) => seen[0] ?? [call("work", resource)]);
    const tools = protectTools({
      work: tool({ inputSchema: Arguments, needsApproval: true, execute: () => `done under ${currentLease()!.resource}` }),
    }, mesh, byArguments());
    const model = scriptedModel(player);
    const messages: ModelMessage[] = [{ role: "user", content: "Go." }];

    const paused = await generateText({ model, tools, messages, stopWhen });
    const request = paused.content.find(part => part.type === "tool-approval-request");
    assert.ok(request);
    await untilFree(mesh, resource);
    messages.push(...paused.response.messages, {
      role: "tool", content: [{ type: "tool-approval-response", approvalId: request.approvalId, approved: true }],
    });
    const { text } = await generateText({ model, tools, messages, stopWhen });

    assert.equal(text, `done under ${resource}`);
  });

  it("hands on what a tool reports while it holds the lease", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const looker = service.client("looker");
    const reports: unknown[] = [];
    const held: number[] = [];
    const tools = protectTools({
      copy: tool({
        inputSchema: Arguments,
        async *execute({ resource }) {
          for (let part = 1; part <= 3; part++) {
            held.push((await looker.locks.queue(resource)).heldBy.length);
            yield `part ${part} under ${currentLease()!.resource}`;
          }
        },
      }),
    }, mesh, byArguments());
    const player = new Player(once(call("copy", resource)));

    const { fullStream } = streamText({ model: scriptedModel(player), tools, prompt: "Go.", stopWhen });
    for await (const part of fullStream) {
      if (part.type === "tool-result") {
        reports.push([part.preliminary ?? false, part.output]);
      }
    }

    const part = (number: number) => `part ${number} under ${resource}`;
    assert.deepEqual(reports, [[true, part(1)], [true, part(2)], [true, part(3)], [false, part(3)]]);
    assert.deepEqual(held, [1, 1, 1]);
    assert.deepEqual(player.seen, [part(3)]);
    await untilFree(looker, resource);
  });

  it("ends a tool that reports when its lease is lost, and the model reads that", async () => {
    const resource = newResource();
    const admin = service.client("admin");
    let ended = false;
    const tools = protectTools({
      copy: tool({
        inputSchema: Arguments,
        async *execute(_input, { abortSignal }) {
          try {
            yield "part 1";
            await admin.locks.forceRelease(resource, { reason: "stuck", immediate: true });
            await until("the tool is told to stop", () => abortSignal?.aborted);
            abortSignal!.throwIfAborted();
          } finally {
            ended = true;
          }
        },
      }),
    }, service.client("agent"), byArguments({ ttl: 1_000 }));
    const player = new Player(once(call("copy", resource)));

    await generateText({ model: scriptedModel(player), tools, prompt: "Go.", stopWhen });

    assert.match(player.seen[0]!, /^copy may be half done: /);
    assert.equal(ended, true);
  });

  it("refuses a tool that reports, and passes its error on", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const tools = protectTools({
      copy: tool({
        inputSchema: Arguments,
        async *execute() {
          yield "part 1";
          throw new Error("out of paper");
        },
      }),
    }, mesh, byArguments());
    const player = new Player(once(call("copy", resource, 500), call("copy", resource)));

    await generateText({ model: scriptedModel(player), tools, prompt: "Go.", stopWhen });

    assert.match(player.seen[0]!, /^Not done: copy\. /);
    assert.equal(player.seen[1], "out of paper");
    assert.equal((await mesh.locks.acquire(resource)).previous?.note, "copy failed: Error");
  });

  it("releases when nobody reads what a tool reports any more", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    let ended = false;
    const { copy } = protectTools({
      copy: tool({
        inputSchema: Arguments,
        async *execute() {
          try {
            for (let part = 1; ; part++) {
              yield `part ${part}`;
            }
          } finally {
            ended = true;
          }
        },
      }),
    }, mesh, byArguments());

    for await (const report of copy.execute!({ resource, cost: 0 }, { toolCallId: "1", messages: [] }) as AsyncIterable<string>) {
      if (report === "part 2") {
        break;
      }
    }

    assert.equal(ended, true);
    await untilFree(mesh, resource);
  });

  it("holds the lease until what a plain function returned has been read", async () => {
    const resource = newResource();
    const looker = service.client("looker");
    const held: number[] = [];
    async function* parts() {
      for (let part = 1; part <= 2; part++) {
        held.push((await looker.locks.queue(resource)).heldBy.length);
        yield `part ${part}`;
      }
    }
    const tools = protectTools(
      { copy: tool({ inputSchema: Arguments, execute: () => parts() }) }, service.client("agent"), byArguments());
    const player = new Player(once(call("copy", resource)));

    await generateText({ model: scriptedModel(player), tools, prompt: "Go.", stopWhen });

    assert.deepEqual(held, [1, 1]);
    assert.deepEqual(player.seen, ["part 2"]);
  });

  it("does not ask a tool to convert a refusal", async () => {
    const player = new Player(once(call("buy", newResource(), 500), call("buy", newResource(), 50)));
    const tools = protectTools({
      buy: tool({
        inputSchema: Arguments,
        execute: ({ cost }) => ({ receipt: { cost } }),
        toModelOutput: ({ output }) => ({ type: "text", value: `bought for $${output.receipt.cost}` }),
      }),
    }, service.client("agent"), byArguments());
    const model = scriptedModel(player);

    await generateText({ model, tools, prompt: "Go.", stopWhen });

    const outputs = outputsOf(model.doGenerateCalls.at(-1)!.prompt);
    assert.equal(outputs[0]?.type, "text");
    assert.match(player.seen[0]!, /^Not done: buy\. /);
    assert.equal(player.seen[1], "bought for $50");
  });

  it("takes back its place in the queue when a stream is aborted", async () => {
    const resource = newResource();
    const holder = await service.client("holder").locks.acquire(resource);
    const mesh = service.client("agent");
    const abort = new AbortController();
    let worked = false;
    const tools = protectTools(toolsOf({ tools: { work: () => Promise.resolve(String(worked = true)) } }), mesh, byArguments());
    const { fullStream } = streamText({
      model: scriptedModel(new Player(once(call("work", resource)))), tools, prompt: "Go.", stopWhen, abortSignal: abort.signal,
    });
    const reading = (async () => {
      for await (const part of fullStream) {
        void part;
      }
    })();
    await untilWaiting(mesh, resource, 1);

    abort.abort();

    await untilWaiting(mesh, resource, 0);
    await reading;
    await holder.release();
    await untilFree(mesh, resource);
    assert.equal(worked, false);
  });

  it("says at once that a tool which runs elsewhere cannot be protected", () => {
    assert.throws(
      () => protectTools({ ask: tool({ inputSchema: Arguments }) }, service.client("agent"), byArguments()), /^TypeError: ask cannot be protected/);
  });
});
