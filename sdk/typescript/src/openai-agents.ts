import { isDeepStrictEqual } from "node:util";
import type { Approval } from "./approvals-types.js";
import type { ProtoMesh } from "./client.js";
import { namesOf, protectionOf, type Protection, type Rule, runProtected, type ToolCall } from "./tools.js";

export { currentGuard, currentLease, type Protection, type Rule, type ToolCall } from "./tools.js";

/** What `tool()` and `agent.asTool()` of `@openai/agents` make, as far as it matters here. */
export interface FunctionToolShape {
  readonly type: "function";
  readonly name: string;
  readonly outputSchema?: unknown;
  readonly errorFunction?: ((context: any, error: any, details?: any) => any) | null;
  readonly needsApproval?: (context: any, input: any, callId?: string) => Promise<boolean>;
  invoke(context: any, input: string, details?: any): Promise<any>;
}

/** Of one agent and one action, the newest first. */
const MOST_LOOKED_AT = 200;

/** How a tool is protected. */
export interface ProtectOptions {
  /**
   * True pauses the run where people have to approve, as a tool's own `needsApproval` does: it ends with an interruption.
   * {@link applyApprovals} lets the decisions in. False (the default) tells the model.
   */
  readonly pause?: boolean;
}

/**
 * The same tool, which runs under what the rule asks for. A refusal is its output. Approvals and guardrails of the tool
 * come before: nothing is held while a person thinks. The tool's `timeoutMs` counts the wait in the queue too.
 */
export function protect<T extends FunctionToolShape>(tool: T, mesh: ProtoMesh, rule: Rule, { pause = false }: ProtectOptions = {}): T {
  if (typeof tool.invoke !== "function") {
    throw new TypeError(`${tool.name} cannot be protected: it does not run in this process.`);
  }
  const invoke: FunctionToolShape["invoke"] = async (context, input, details: ToolCallDetails | undefined) => {
    const answer = (text: string) => answerOf(tool, text, context, details);
    const args = parse(input);
    if (args === undefined) {
      return answer(`Not done: ${tool.name}. Its arguments are no JSON.`);
    }
    const call: ToolCall = { name: tool.name, args, id: details?.toolCall?.callId };
    return runProtected<unknown>({
      mesh, rule, call, answer,
      signal: details?.signal,
      run: signal => tool.invoke(context, input, signal === details?.signal ? details : copy(details ?? {}, { signal })),
    });
  };
  return copy(tool, pause ? { invoke, needsApproval: asking(tool, mesh, rule) } : { invoke });
}

/**
 * Lets what people decided into the state of a paused run, also of one that another process has paused: a call that is
 * approved is approved in it, one that is refused is rejected with a text for the model. Then run the agent with the
 * state. What nobody has decided stays as it is. The client has to speak for the same agent as the one that asked.
 * @param timeout How long to wait for decisions, in ms; 0, the default, only looks.
 * @returns the approvals that were found.
 */
export async function applyApprovals<T extends InterruptionShape>(
  state: RunStateShape<T>, { timeout = 0, signal }: { readonly timeout?: number; readonly signal?: AbortSignal } = {},
): Promise<Approval[]> {
  const found = await Promise.all(state.getInterruptions().map(async item => {
    const asked = await questionOf(item);
    const approval = asked && await newest(asked, signal);
    return approval && { item, approval: await asked.mesh.approvals.wait(approval.approvalId, { timeout, signal }) };
  }));
  for (const { item, approval } of found.filter(one => one !== undefined)) {
    if (approval.state === "approved" && !approval.edited) {
      state.approve(item);
    } else if (approval.state !== "pending") {
      state.reject(item, { message: refusalOf(approval) });
    }
  }
  return found.flatMap(one => one?.approval ?? []);
}

/** A `RunState`, as far as it matters here. */
export interface RunStateShape<T> {
  getInterruptions(): T[];
  approve(item: T): void;
  reject(item: T, options?: { message?: string }): void;
}

/** A `RunToolApprovalItem`, as far as it matters here. */
export interface InterruptionShape {
  readonly agent: { readonly tools?: readonly unknown[] };
  readonly rawItem: { readonly name?: string; readonly callId?: string; readonly arguments?: string };
}

interface ContextShape {
  isToolApproved(call: { toolName: string; callId: string }): boolean | undefined;
}

interface ToolCallDetails {
  readonly signal?: AbortSignal;
  readonly toolCall?: { readonly callId?: string };
}

/** A call, and what people are asked about it. */
interface Question {
  readonly mesh: ProtoMesh;
  readonly call: ToolCall;
  readonly action: string;
  readonly protection: Protection;
}

/** Finds our own `needsApproval` on a tool, also where both module formats are in use. */
const QUESTION = Symbol.for("protomesh.openai-agents.question");

/** A `needsApproval` that asks people where the policy wants them. What else is in the way, the guard says to the model. */
function asking(tool: FunctionToolShape, mesh: ProtoMesh, rule: Rule): NonNullable<FunctionToolShape["needsApproval"]> {
  const question = async (args: unknown, id: string | undefined): Promise<Question | undefined> => {
    const call: ToolCall = { name: tool.name, args, id };
    const protection = await protectionOf(rule, call);
    return protection && { mesh, call, action: protection.action ?? tool.name, protection };
  };
  const needsApproval = async (context: Partial<ContextShape> | undefined, args: unknown, id?: string) => {
    if (await tool.needsApproval?.(context, args, id) || (id !== undefined && context?.isToolApproved?.({ toolName: tool.name, callId: id }))) {
      return true;
    }
    try {
      const asked = await question(args, id);
      return asked !== undefined && (await request(asked)).state === "pending";
    } catch {
      return false;
    }
  };
  return Object.assign(needsApproval, { [QUESTION]: question });
}

function request({ mesh, call, action, protection }: Question): Promise<Approval> {
  const { resource, metadata, runId, agentId, namespace } = protection;
  return mesh.approvals.request(action, {
    ...(resource !== undefined && { resource: typeof resource === "string" ? resource : namesOf(resource) }),
    metadata, runId, agentId, namespace, reason: reasonOf(call),
  });
}

/** What was asked of people when a call was paused that was made by a tool of ours. */
async function questionOf({ agent, rawItem }: InterruptionShape): Promise<Question | undefined> {
  const tool = agent.tools?.find(one => (one as Partial<FunctionToolShape>).name === rawItem.name) as Partial<FunctionToolShape> | undefined;
  const question = (tool?.needsApproval as { [QUESTION]?: (args: unknown, id: string | undefined) => Promise<Question | undefined> } | undefined)?.[QUESTION];
  return question?.(parse(rawItem.arguments ?? ""), rawItem.callId);
}

/** The newest approval of a call, in any state; calls that are the same in everything share one while it is pending. */
async function newest({ mesh, call, action, protection }: Question, signal: AbortSignal | undefined): Promise<Approval | undefined> {
  const names = namesOf(protection.resource);
  let same: Approval | undefined;
  let looked = 0;
  for await (const approval of mesh.approvals.list({ agentId: protection.agentId ?? mesh.agentId, action, namespace: protection.namespace, signal })) {
    if (approval.reason === reasonOf(call)) {
      return approval;
    }
    const its = approval.resources ?? (approval.resource === undefined ? [] : [approval.resource]);
    if (isDeepStrictEqual([[...its].sort(), approval.metadata ?? {}], [[...names].sort(), JSON.parse(JSON.stringify(protection.metadata ?? {}))])) {
      same ??= approval;
    }
    if (++looked === MOST_LOOKED_AT) {
      break;
    }
  }
  return same;
}

/** Says to those who decide where it comes from, and finds it again after the process that asked has ended. */
function reasonOf({ name, id = "" }: ToolCall): string {
  return `Call ${id.slice(0, 100)} of the tool ${name.slice(0, 60)}.`;
}

function refusalOf({ action, approvalId, state, edited, metadata, votes = [] }: Approval): string {
  const said = votes.findLast(vote => vote.vote === (state === "denied" ? "deny" : "approve"));
  const comment = said?.comment === undefined ? "" : `: ${said.comment}`;
  if (state === "denied") {
    return `Not done: ${action}. ${said?.approver ?? "An approver"} said no${comment}`;
  }
  return edited && state === "approved"
    ? `Not done: ${action}. ${said?.approver ?? "An approver"} said yes to it with other values${comment}. Ask for it with ${JSON.stringify(metadata)}.`
    : `Not done: ${action}. Its approval ${approvalId} is ${state}; ask again if it is still to be done.`;
}

/** A tool with an output schema has promised a shape, and a function that puts a failure into that shape. */
function answerOf(tool: FunctionToolShape, text: string, context: unknown, details: unknown): unknown {
  return tool.outputSchema && tool.errorFunction ? tool.errorFunction(context, new Error(text), details) : text;
}

function parse(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return undefined;
  }
}

/** Some of what the framework keeps on its objects is not enumerable. */
function copy<T extends object>(value: T, changes: object): T {
  const properties = { ...Object.getOwnPropertyDescriptors(value), ...Object.getOwnPropertyDescriptors(changes) };
  return Object.create(Object.getPrototypeOf(value) as object | null, properties) as T;
}
