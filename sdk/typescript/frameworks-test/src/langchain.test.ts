import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Annotation, Command, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { currentLease, protect, protomesh } from "@protomesh/sdk/langchain";
import { createAgent, createMiddleware, humanInTheLoopMiddleware, tool, toolErrorMiddleware } from "langchain";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ScriptedChatModel, toolsOf } from "./frameworks/langchain.js";
import { Arguments, byArguments, call, once, type Tool } from "./rig/framework.js";
import { until, untilFree, untilWaiting } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.start()));
after(() => service.stop());

/** A graph whose only node runs tools that are protected one by one. */
function graphOf(tools: Readonly<Record<string, Tool>>) {
  const mesh = service.client("agent");
  return new StateGraph(MessagesAnnotation)
    .addNode("tools", new ToolNode(toolsOf({ tools }).map(one => protect(one, mesh, byArguments()))))
    .addEdge(START, "tools")
    .compile({ checkpointer: new MemorySaver() });
}

function asking(...calls: ReturnType<typeof call>[]): { messages: AIMessage[] } {
  const tool_calls = calls.map(({ tool: name, args }, index) => ({ name, args, id: `call-${index}`, type: "tool_call" as const }));
  return { messages: [new AIMessage({ content: "", tool_calls })] };
}

const thread = { configurable: { thread_id: "1" } };

describe("LangChain JS", () => {
  it("makes a refusal a ToolMessage with the status error", async () => {
    const resource = newResource();
    const model = new ScriptedChatModel(once(call("spend", resource, 500)));
    const tools = toolsOf({ tools: { spend: () => Promise.resolve("spent") } });
    const mesh = service.client("agent");

    await createAgent({ model, tools, middleware: [protomesh(mesh, byArguments())] }).invoke({ messages: "Go." });

    const [message] = model.messages;
    assert.equal(message?.status, "error");
    assert.equal(message?.name, "spend");
    assert.equal(message?.tool_call_id, "call-0-0");

    const answer = await graphOf({ spend: () => Promise.resolve("spent") }).invoke(asking(call("spend", resource, 500)), thread);
    const last = answer.messages.at(-1) as ToolMessage;
    assert.equal(last.status, "error");
    assert.equal(last.name, "spend");
    assert.equal(last.tool_call_id, "call-0");
  });

  it("holds nothing while a person decides, and locks what the person made of the call", async () => {
    const asked = newResource();
    const edited = newResource();
    const mesh = service.client("agent");
    const agent = createAgent({
      model: new ScriptedChatModel(once(call("work", asked))),
      tools: toolsOf({ tools: { work: () => Promise.resolve(currentLease()!.resource!) } }),
      middleware: [
        humanInTheLoopMiddleware({ interruptOn: { work: { allowedDecisions: ["approve", "edit", "reject"] } } }),
        protomesh(mesh, byArguments()),
      ],
      checkpointer: new MemorySaver(),
    });

    const paused = await agent.invoke({ messages: "Go." }, thread);
    assert.equal((paused as { __interrupt__?: unknown[] }).__interrupt__?.length, 1);
    await untilFree(mesh, asked);
    const decision = { type: "edit", editedAction: { name: "work", args: { resource: edited, cost: 0 } } };
    const { messages } = await agent.invoke(new Command({ resume: { decisions: [decision] } }), thread);

    assert.equal(messages.findLast(message => ToolMessage.isInstance(message))?.text, edited);
  });

  it("holds nothing while an interrupt inside of a tool waits, and takes a new lease when the tool runs again", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const tokens: number[] = [];
    const agent = createAgent({
      model: new ScriptedChatModel(once(call("work", resource))),
      tools: toolsOf({
        tools: {
          work: () => {
            tokens.push(currentLease()!.fencingToken);
            return Promise.resolve(`a person said ${String(interrupt("May I?"))}`);
          },
        },
      }),
      middleware: [protomesh(mesh, byArguments())],
      checkpointer: new MemorySaver(),
    });

    await agent.invoke({ messages: "Go." }, thread);
    const between = await service.client("other").locks.acquire(resource, { wait: 0 });
    assert.equal(between.previous?.ended, "released");
    assert.equal(between.previous?.note, null);
    await between.release();
    const { messages } = await agent.invoke(new Command({ resume: "yes" }), thread);

    assert.equal(messages.findLast(message => ToolMessage.isInstance(message))?.text, "a person said yes");
    assert.equal(tokens.length, 2);
    assert.ok(tokens[0]! < tokens[1]!);
  });

  it("gives a sibling that a ToolNode runs again after an interrupt a lease of its own", async () => {
    const [asking1, asking2] = [newResource(), newResource()];
    const tokens: number[] = [];
    const graph = graphOf({
      ask: () => Promise.resolve(String(interrupt("May I?"))),
      work: () => {
        tokens.push(currentLease()!.fencingToken);
        return Promise.resolve("done");
      },
    });

    await graph.invoke(asking(call("ask", asking1), call("work", asking2)), thread);
    await Promise.all([untilFree(service.client("looker"), asking1), untilFree(service.client("looker"), asking2)]);
    const { messages } = await graph.invoke(new Command({ resume: "yes" }), thread);

    assert.deepEqual(messages.slice(-2).map(message => message.text), ["yes", "done"]);
    assert.equal(new Set(tokens).size, 2);
  });

  it("passes a command of a tool on", async () => {
    const State = Annotation.Root({ ...MessagesAnnotation.spec, mood: Annotation<string> });
    const mesh = service.client("agent");
    const cheer = protect(tool(
      (_args, { toolCall }) =>
        new Command({ update: { mood: "good", messages: [new ToolMessage({ content: "cheered", tool_call_id: toolCall!.id! })] } }),
      { name: "cheer", description: "cheer", schema: Arguments },
    ), mesh, byArguments());
    const graph = new StateGraph(State).addNode("tools", new ToolNode([cheer])).addEdge(START, "tools").compile();

    const { mood } = await graph.invoke({ ...asking(call("cheer", newResource())), mood: "bad" });

    assert.equal(mood, "good");
  });

  for (const by of ["middleware", "tool"] as const) {
    it(`holds the lease until a tool that reports as it goes has ended (${by})`, async () => {
      const resource = newResource();
      const mesh = service.client("agent");
      const looker = service.client("looker");
      const holders: number[] = [];
      const copy = tool(async function* ({ resource }: Arguments) {
        for (let part = 1; part <= 2; part++) {
          yield `part ${part}`;
          holders.push((await looker.locks.queue(resource)).heldBy.length);
        }
        return "copied";
      }, { name: "copy", description: "copy", schema: Arguments });
      const model = new ScriptedChatModel(once(call("copy", resource)));
      const agent = by === "tool"
        ? createAgent({ model, tools: [protect(copy, mesh, byArguments())] })
        : createAgent({ model, tools: [copy], middleware: [protomesh(mesh, byArguments())] });

      await agent.invoke({ messages: "Go." });

      assert.deepEqual(holders, [1, 1]);
      assert.deepEqual(model.player.seen, ["copied"]);
      await untilFree(looker, resource);
    });
  }

  it("refuses in the form that a tool with artifacts has to answer in", async () => {
    const buy = tool(() => ["bought", { receipt: 1 }], {
      name: "buy", description: "buy", schema: Arguments, responseFormat: "content_and_artifact",
    });
    const guarded = protect(buy, service.client("agent"), byArguments());

    const refused = await guarded.invoke({ type: "tool_call", id: "call-1", name: "buy", args: { resource: newResource(), cost: 500 } }) as ToolMessage;
    const allowed = await guarded.invoke({ type: "tool_call", id: "call-2", name: "buy", args: { resource: newResource(), cost: 5 } }) as ToolMessage;

    assert.match(refused.text, /^Not done: buy\. /);
    assert.equal(refused.status, "error");
    assert.equal(allowed.text, "bought");
    assert.deepEqual(allowed.artifact, { receipt: 1 });
  });

  it("answers a text to whoever calls a tool without a model", async () => {
    const [buy] = toolsOf({ tools: { buy: () => Promise.resolve("bought") } });
    const guarded = protect(buy!, service.client("agent"), byArguments());

    assert.match(String(await guarded.invoke({ resource: newResource(), cost: 500 })), /^Not done: buy\. /);
    assert.equal(await guarded.invoke({ resource: newResource(), cost: 5 }), "bought");
  });

  it("keeps what else a tool is", () => {
    const [buy] = toolsOf({ tools: { buy: () => Promise.resolve("bought") } });
    const guarded = protect(buy!, service.client("agent"), byArguments());

    assert.equal(guarded.name, "buy");
    assert.equal(guarded.description, "buy");
    assert.equal(guarded.schema, buy!.schema);
    assert.ok(guarded instanceof buy!.constructor);
  });

  it("leaves a tool's error to LangChain's own middleware for it", async () => {
    const model = new ScriptedChatModel(once(call("print", newResource())));
    const tools = toolsOf({ tools: { print: () => Promise.reject(new Error("out of paper")) } });
    const errors = toolErrorMiddleware({ onError: error => `It failed: ${(error as Error).message}` });

    await createAgent({ model, tools, middleware: [errors, protomesh(service.client("agent"), byArguments())] }).invoke({ messages: "Go." });

    assert.deepEqual(model.player.seen, ["It failed: out of paper"]);
  });

  it("protects what the middleware before it made of a call, and a tool that only middleware knows", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const [late] = toolsOf({ tools: { late: () => Promise.resolve(currentLease()!.resource!) } });
    const supply = createMiddleware({
      name: "Supply",
      wrapToolCall: (request, handler) =>
        handler({ ...request, toolCall: { ...request.toolCall, args: { resource, cost: 0 } }, tool: late }),
    });
    const model = new ScriptedChatModel(once(call("late", "customer/other")));

    await createAgent({ model, tools: [], middleware: [supply, protomesh(mesh, byArguments())] }).invoke({ messages: "Go." });

    assert.deepEqual(model.player.seen, [resource]);
  });

  it("tells the tool to stop when the run is aborted, and releases", async () => {
    const resource = newResource();
    const mesh = service.client("agent");
    const abort = new AbortController();
    let told = false;
    const model = new ScriptedChatModel(once(call("work", resource)));
    const tools = toolsOf({
      tools: {
        async work(_args, signal) {
          abort.abort();
          await until("the tool is told to stop", () => signal?.aborted);
          told = true;
          return "late";
        },
      },
    });

    const run = createAgent({ model, tools, middleware: [protomesh(mesh, byArguments())] })
      .invoke({ messages: [new HumanMessage("Go.")] }, { signal: abort.signal });

    await assert.rejects(run);
    await until("the tool has been told", () => told);
    await untilFree(mesh, resource);
  });

  it("does not wait longer than the run may take", async () => {
    const resource = newResource();
    const holder = await service.client("holder").locks.acquire(resource);
    const mesh = service.client("agent");
    const model = new ScriptedChatModel(once(call("work", resource)));
    const tools = toolsOf({ tools: { work: () => Promise.resolve("done") } });

    const run = createAgent({ model, tools, middleware: [protomesh(mesh, byArguments())] }).invoke({ messages: "Go." }, { timeout: 500 });

    await assert.rejects(run);
    await untilWaiting(mesh, resource, 0);
    await holder.release();
  });
});
