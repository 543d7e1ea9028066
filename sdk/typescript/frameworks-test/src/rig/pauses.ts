import { RunState } from "@openai/agents";
import { Command, interrupt, MemorySaver } from "@langchain/langgraph";
import type { ProtoMesh } from "@protomesh/sdk";
import { type ApprovalInterrupt, protomesh } from "@protomesh/sdk/langchain";
import { applyApprovals, currentGuard, currentLease, protect } from "@protomesh/sdk/openai-agents";
import * as langchainTools from "@protomesh/sdk/langchain";
import { createAgent } from "langchain";
import { execFile } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deserialize, serialize } from "node:v8";
import * as langchain from "../frameworks/langchain.js";
import * as openai from "../frameworks/openai-agents.js";
import { type Arguments, type Call, once, Player, type Tool } from "./framework.js";

/** What a process that goes on is given. */
export interface Rest {
  readonly framework: string;
  readonly url: string;
  readonly agentId: string;
  readonly namespace: string;
  /** What the first process has saved of the run. */
  readonly saved: string;
  readonly calls: readonly Call[];
  /** Each run of a tool adds a line to it. */
  readonly file: string;
  /** How long to wait for a decision; the frameworks that are resumed by an answer do not wait. */
  readonly timeout?: number;
}

/** A run that has paused. */
export interface Pause {
  readonly saved: string;
  /** The approvals that it waits for, as far as the framework tells them. */
  readonly asked: readonly (string | undefined)[];
}

/** A framework whose runs can be paused and taken up again elsewhere. */
export interface PausingFramework {
  readonly name: string;
  /** Runs until it pauses. */
  begin(mesh: ProtoMesh, rest: Omit<Rest, "saved">): Promise<Pause>;
  /** Takes a run up again, and tells what the model was shown of its calls, or that it has paused again. */
  goOn(mesh: ProtoMesh, rest: Rest): Promise<readonly string[] | "paused">;
}

const rule = ({ args }: { args: Arguments }) => ({ resource: args.resource, metadata: { cost: args.cost } });

/** Each run of it leaves a line behind, and costs half of what it was reserved for. */
function work(file: string, current: { currentGuard: typeof currentGuard; currentLease: typeof currentLease }): Record<string, Tool> {
  return {
    work: ({ resource, cost }) => {
      appendFileSync(file, `${resource} ${current.currentLease()!.fencingToken}\n`);
      current.currentGuard()!.spent(cost * 500_000);
      return Promise.resolve(`done ${resource}`);
    },
  };
}

export const openaiAgents: PausingFramework = {
  name: "OpenAI Agents JS",
  async begin(mesh, rest) {
    const { agent } = openaiAgent(mesh, rest);
    const paused = await openai.runner.run(agent, "Go.");
    return { saved: JSON.stringify(paused.state), asked: paused.interruptions.map(() => undefined) };
  },
  async goOn(mesh, rest) {
    const { agent, player } = openaiAgent(mesh, rest);
    const state = await RunState.fromString(agent, rest.saved);
    await applyApprovals(state, { timeout: rest.timeout ?? 0 });
    const result = await openai.runner.run(agent, state);
    return result.interruptions.length > 0 ? "paused" : player.seen;
  },
};

function openaiAgent(mesh: ProtoMesh, { calls, file, saved }: Omit<Rest, "saved"> & { saved?: string }) {
  const player = new Player(saved === undefined ? once(...calls) : () => "done");
  const tools = openai.toolsOf({ tools: work(file, { currentGuard, currentLease }) });
  return { player, agent: openai.agentOf(player, tools.map(tool => protect(tool, mesh, rule, { pause: true }))) };
}

const thread = { configurable: { thread_id: "1" } };

interface Interrupted {
  readonly __interrupt__?: readonly { readonly id: string; readonly value: ApprovalInterrupt }[];
}

export const langchainMiddleware: PausingFramework = {
  name: "LangChain JS",
  async begin(mesh, rest) {
    const saver = new MemorySaver();
    const result = await langchainAgent(mesh, rest, saver).agent.invoke({ messages: "Go." }, thread) as Interrupted;
    const { storage, writes } = saver;
    const interrupts = result.__interrupt__ ?? [];
    const saved = JSON.stringify({ memory: serialize({ storage, writes }).toString("base64"), interrupts: interrupts.map(({ id, value }) => ({ id, value })) });
    return { saved, asked: interrupts.map(({ value }) => value.approval_id) };
  },
  async goOn(mesh, rest) {
    const { memory, interrupts } = JSON.parse(rest.saved) as { memory: string; interrupts: { id: string; value: ApprovalInterrupt }[] };
    const saver = Object.assign(new MemorySaver(), deserialize(Buffer.from(memory, "base64")) as object);
    const { agent, model } = langchainAgent(mesh, rest, saver);
    const resume = Object.fromEntries(interrupts.map(({ id, value }) => [id, value]));
    const result = await agent.invoke(new Command({ resume }), thread) as Interrupted;
    return result.__interrupt__ ? "paused" : model.player.seen;
  },
};

function langchainAgent(mesh: ProtoMesh, { calls, file, saved }: Omit<Rest, "saved"> & { saved?: string }, checkpointer: MemorySaver) {
  const model = new langchain.ScriptedChatModel(saved === undefined ? once(...calls) : () => "done");
  const tools = langchain.toolsOf({ tools: work(file, langchainTools) });
  return { model, agent: createAgent({ model, tools, middleware: [protomesh(mesh, rule, { interrupt })], checkpointer }) };
}

export const pausing: readonly PausingFramework[] = [langchainMiddleware, openaiAgents];

export function goOn(mesh: ProtoMesh, rest: Rest): Promise<readonly string[] | "paused"> {
  return pausing.find(one => one.name === rest.framework)!.goOn(mesh, rest);
}

/** The same in another process. */
export async function goOnElsewhere(rest: Rest): Promise<readonly string[] | "paused"> {
  const program = join(dirname(fileURLToPath(import.meta.url)), "paused-process.js");
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(rest)], { timeout: 60_000 });
  return JSON.parse(stdout) as readonly string[] | "paused";
}

export function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
}
