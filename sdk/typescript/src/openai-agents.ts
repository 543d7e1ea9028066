import type { Approval } from "./approvals-types.js";
import type { ProtoMesh } from "./client.js";
import { protectionOf, type Rule, runProtected, type ToolCall } from "./tools.js";

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

/** How a tool is protected. */
export interface ProtectOptions {
  /**
   * True pauses the run where people have to approve, as a tool's own `needsApproval` does: it ends with an interruption.
   * Resume it with {@link applyDecisions}. False (the default) tells the model.
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
  const needsApproval: FunctionToolShape["needsApproval"] = async (context: Partial<ContextShape> | undefined, args: unknown, callId) =>
    (await tool.needsApproval?.(context, args, callId)) === true
      || (callId !== undefined && context?.isToolApproved?.({ toolName: tool.name, callId }) === true)
      || asksPeople(mesh, rule, { name: tool.name, args, id: callId });
  return copy(tool, pause ? { invoke, needsApproval } : { invoke });
}

/**
 * Carries what people have decided into the state of a paused run, here or in another process: approves what was
 * approved, and rejects the rest with a text for the model. Then run the agent with that state. The client has to speak
 * for the same agent as the one that asked.
 * @param timeout How long to wait for decisions, in ms; 0 only looks.
 * @returns what is pending still.
 */
export async function applyDecisions<T extends InterruptionShape>(
  state: RunStateShape<T>, mesh: ProtoMesh, { timeout = 0, signal }: { readonly timeout?: number; readonly signal?: AbortSignal } = {},
): Promise<Approval[]> {
  const waiting = new Map(state.getInterruptions().map(item => [reasonOf(item.rawItem.name ?? "", item.rawItem.callId), item] as const));
  const asked: (readonly [T, Approval])[] = [];
  if (waiting.size > 0) {
    for await (const approval of mesh.approvals.list({ agentId: mesh.agentId, signal })) {
      const item = waiting.get(approval.reason ?? "");
      if (item !== undefined) {
        asked.push([item, approval]);
        waiting.delete(approval.reason!);
      }
      if (waiting.size === 0) {
        break;
      }
    }
  }
  const pending: Approval[] = [];
  await Promise.all(asked.map(async ([item, { approvalId }]) => {
    const approval = await mesh.approvals.wait(approvalId, { timeout, signal });
    if (approval.state === "pending") {
      pending.push(approval);
    } else if (approval.state === "approved" && !approval.edited) {
      state.approve(item);
    } else {
      state.reject(item, { message: refusalOf(approval) });
    }
  }));
  return pending;
}

/** A `RunState`, as far as it matters here. */
export interface RunStateShape<T> {
  getInterruptions(): T[];
  approve(item: T): void;
  reject(item: T, options?: { message?: string }): void;
}

/** A `RunToolApprovalItem`, as far as it matters here. */
export interface InterruptionShape {
  readonly rawItem: { readonly type?: string; readonly name?: string; readonly callId?: string };
}

interface ContextShape {
  isToolApproved(call: { toolName: string; callId: string }): boolean | undefined;
}

interface ToolCallDetails {
  readonly signal?: AbortSignal;
  readonly toolCall?: { readonly callId?: string };
}

/** What else is in the way of the call, the guard says to the model when the tool is run. */
async function asksPeople(mesh: ProtoMesh, rule: Rule, call: ToolCall): Promise<boolean> {
  try {
    const protection = await protectionOf(rule, call);
    if (protection === undefined) {
      return false;
    }
    const { action = call.name, resource, metadata, runId, agentId, namespace } = protection;
    const named = typeof resource === "string" ? resource : resource?.map(one => (typeof one === "string" ? one : one.resource));
    const approval = await mesh.approvals.request(action, { resource: named, metadata, runId, agentId, namespace, reason: reasonOf(call.name, call.id) });
    return approval.state === "pending";
  } catch {
    return false;
  }
}

/** Finds the approval of a call, also after the process that asked has ended. */
function reasonOf(tool: string, callId: string | undefined): string {
  return `Call ${(callId ?? "").slice(0, 100)} of the tool ${tool.slice(0, 60)}.`;
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
