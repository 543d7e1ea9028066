import type { Lease, ProtoMesh } from "@protomesh/sdk";
import type { Rule } from "@protomesh/sdk/ai";
import { z } from "zod";

/** What every tool of the tests takes. */
export const Arguments = z.object({ resource: z.string(), cost: z.number() });
export type Arguments = z.infer<typeof Arguments>;

export interface Call {
  readonly tool: string;
  readonly args: Arguments;
}

/** What a scripted model says: calls of tools, or its last word. */
export type Step = readonly Call[] | string;

/** A scripted model: it reads what its calls came to, oldest first, and decides by that. */
export type Script = (turn: number, seen: readonly string[]) => Step;

export type Tool = (args: Arguments, signal: AbortSignal | undefined) => Promise<string>;

export interface Run {
  readonly mesh: ProtoMesh;
  readonly rule: Rule;
  readonly tools: Readonly<Record<string, Tool>>;
  readonly script: Script;
  readonly signal?: AbortSignal;
}

export interface Outcome {
  /** The model's last word. */
  readonly text: string;
  /** What it has read of its calls, oldest first. */
  readonly seen: readonly string[];
}

/** A real framework with a scripted model; every tool is protected by the integration for it. */
export interface Framework {
  readonly name: string;
  run(run: Run): Promise<Outcome>;
  currentLease(): Lease | null;
  /** What the model reads when a tool throws. Undefined: the run ends with the tool's own error. */
  readonly onToolError: string | undefined;
}

/** Makes a call. */
export function call(tool: string, resource: string, cost = 0): Call {
  return { tool, args: { resource, cost } };
}

/** One round of calls, then the last word. */
export function once(...calls: Call[]): Script {
  return turn => (turn === 0 ? calls : "done");
}

/** The rule of most tests: the tool's argument names what to lock, and its cost is for the policy. */
export function byArguments(more: Partial<ReturnType<Exclude<Rule, PromiseLike<unknown>>>> = {}): Rule<Arguments> {
  return ({ args }) => ({ resource: args.resource, metadata: { estimated_cost: args.cost }, ...more });
}

/** Feeds a script and keeps what it was shown. */
export class Player {
  readonly #script: Script;
  #turn = 0;
  seen: readonly string[] = [];

  constructor(script: Script) {
    this.#script = script;
  }

  next(seen: readonly string[]): { step: Step; turn: number } {
    this.seen = seen;
    return { step: this.#script(this.#turn, seen), turn: this.#turn++ };
  }
}
