import { type AgentMiddleware, createMiddleware, type StructuredTool, ToolMessage } from "langchain";
import type { ProtoMesh } from "./client.js";
import { MeshError } from "./errors.js";
import { type MissingApproval, namesOf, type ProtectedCall, type Rule, runProtected, type ToolCall } from "./tools.js";

export { currentGuard, currentLease, type Protection, type Rule, type ToolCall } from "./tools.js";

/** How a tool is protected. */
export interface ProtectOptions {
  /**
   * LangGraph's own `interrupt`: where people have to approve, the graph is paused by it with an {@link ApprovalInterrupt}
   * instead of telling the model. Resume it with that value once they have decided: `new Command({ resume: value })`.
   */
  readonly interrupt?: (value: ApprovalInterrupt) => unknown;
}

/**
 * What a graph is paused with: plain JSON with the wire's names, in one shape for every language, which outlives the
 * process in a checkpoint.
 */
export interface ApprovalInterrupt {
  readonly type: "protomesh_approval";
  readonly approval_id: string;
  readonly action: string;
  /** What it is to be done to: one, several, or null. */
  readonly resource: string | readonly string[] | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** Who may decide, and how many of them have to. */
  readonly group: string;
  readonly quorum: number;
  readonly expires_at: string | null;
  /** What is waited for, in words. */
  readonly text: string;
  readonly tool: string;
  readonly tool_call_id: string | null;
}

/**
 * Middleware for `createAgent`: each call of a tool runs under what the rule asks for. A refusal becomes a `ToolMessage`
 * with the status `error`. Put it last in the list, so that what other middleware makes of a call is what is protected.
 *
 * LangChain turns a tool's error into a message only while no middleware wraps tool calls; add its `toolErrorMiddleware`
 * where errors are for the model.
 */
export function protomesh(mesh: ProtoMesh, rule: Rule, options: ProtectOptions = {}): AgentMiddleware {
  return createMiddleware({
    name: "ProtoMesh",
    wrapToolCall: (request, handler) => {
      const { toolCall: { name, args, id }, tool, runtime } = request;
      const call: ToolCall = { name, args, id };
      return runUninterrupted<Awaited<ReturnType<typeof handler>>>({
        mesh, rule, call,
        signal: runtime.signal,
        run: signal => handler(canInvoke(tool) ? { ...request, tool: stopBy(signal, tool) as typeof tool } : request),
        answer: text => refusal(text, call),
        ...pausing(mesh, call, options),
      });
    },
  });
}

/**
 * The same tool, which runs under what the rule asks for: for a `ToolNode`, and for every other place that takes a tool.
 * The rule sees the arguments as the tool's schema made them.
 */
export function protect<T extends StructuredTool>(tool: T, mesh: ProtoMesh, rule: Rule, options: ProtectOptions = {}): T {
  const inner = tool as unknown as { _call?: Run; name: string; responseFormat?: string };
  if (typeof inner._call !== "function") {
    throw new TypeError(`${inner.name} cannot be protected: it is no StructuredTool of LangChain.`);
  }
  const run: Run = (args, manager, config) => {
    const call: ToolCall = { name: inner.name, args, id: config?.toolCall?.id };
    return runUninterrupted<unknown>({
      mesh, rule, call,
      signal: config?.signal,
      run: async signal => finish(await inner._call!(args, manager, { ...config, signal }), manager),
      answer: text => {
        const content = call.id === undefined ? text : refusal(text, call);
        return inner.responseFormat === "content_and_artifact" ? [content, undefined] : content;
      },
      ...pausing(mesh, call, options),
    });
  };
  return Object.create(tool, { _call: { value: run, configurable: true, writable: true } }) as T;
}

/** What `StructuredTool` keeps to itself and hands everything through. */
type Run = (args: unknown, manager: ToolEvents | undefined, config: ToolConfig | undefined) => unknown;

interface ToolConfig {
  readonly signal?: AbortSignal;
  readonly toolCall?: { readonly id?: string };
}

interface ToolEvents {
  handleToolEvent?(chunk: unknown): Promise<void>;
}

interface Invokable {
  invoke(input: unknown, config?: ToolConfig): unknown;
}

function refusal(text: string, { name, id }: ToolCall): ToolMessage {
  return new ToolMessage({ content: text, tool_call_id: id ?? "", name, status: "error" });
}

/**
 * LangGraph pauses a graph by an exception that goes through every frame. It is no failure, and no lease is held while a
 * person thinks: it goes on its way after the release.
 */
async function runUninterrupted<T>(protectedCall: ProtectedCall<T>): Promise<T> {
  let pause: unknown;
  const result = await runProtected<T | undefined>({
    ...protectedCall,
    run: async signal => {
      try {
        return await protectedCall.run(signal);
      } catch (fault) {
        if (!isBubbleUp(fault)) {
          throw fault;
        }
        pause = fault;
        return undefined;
      }
    },
  });
  if (pause !== undefined) {
    throw pause;
  }
  return result as T;
}

/**
 * LangGraph runs a node again from its start when it is resumed, and gives its n-th `interrupt` the n-th answer. So what
 * was interrupted once is interrupted again, also when the yes is there by now.
 */
function pausing(mesh: ProtoMesh, call: ToolCall, { interrupt }: ProtectOptions): Pick<ProtectedCall<never>, "pause"> {
  return interrupt === undefined ? {} : {
    pause: async missing => {
      const named = idIn(ask(missing, call, interrupt), call) ?? missing.approvalId;
      if (named !== missing.approvalId) {
        // What it was paused for is decided, so that running the node again has asked anew. Nobody waits for that.
        await mesh.approvals.cancel(missing.approvalId).catch((fault: unknown) => {
          if (!(fault instanceof MeshError)) {
            throw fault;
          }
        });
      }
      return named;
    },
  };
}

function ask(missing: MissingApproval, call: ToolCall, interrupt: NonNullable<ProtectOptions["interrupt"]>): unknown {
  const names = namesOf(missing.resource);
  try {
    return interrupt({
      type: "protomesh_approval",
      approval_id: missing.approvalId,
      action: missing.action,
      resource: names.length > 1 ? names : names[0] ?? null,
      metadata: missing.metadata ?? null,
      group: missing.group,
      quorum: missing.quorum,
      expires_at: missing.expiresAt ?? null,
      text: missing.text,
      tool: call.name,
      tool_call_id: call.id ?? null,
    });
  } catch (fault) {
    if (missing.state === "approved" && isBubbleUp(fault)) {
      // The yes is there, and nobody has been asked in this run: there is nothing to pause for.
      return undefined;
    }
    throw fault;
  }
}

/** The approval that the graph was resumed for; an answer that was written by hand may name it alone, or not at all. */
function idIn(answer: unknown, call: ToolCall): string | undefined {
  const { approval_id: id, tool_call_id: of = call.id } = typeof answer === "object" && answer !== null ? answer as Partial<ApprovalInterrupt> : {};
  return typeof id === "string" && (of ?? undefined) === call.id ? id : undefined;
}

/** LangGraph's own mark on an interrupt and on a command to a parent graph. */
function isBubbleUp(fault: unknown): boolean {
  return typeof fault === "object" && fault !== null && (fault as { is_bubble_up?: unknown }).is_bubble_up === true;
}

function canInvoke(tool: unknown): tool is Invokable {
  return typeof (tool as Partial<Invokable> | undefined)?.invoke === "function";
}

/** The tool as it is, told also when the lease is lost: LangChain itself gives it only the run's signal. */
function stopBy(signal: AbortSignal | undefined, tool: Invokable): Invokable {
  const invoke = (input: unknown, config: ToolConfig = {}) =>
    tool.invoke(input, { ...config, signal: config.signal && signal ? AbortSignal.any([config.signal, signal]) : signal ?? config.signal });
  return Object.create(tool, { invoke: { value: invoke, configurable: true, writable: true } }) as Invokable;
}

/** A tool may report as it goes; that is part of its run and not of what comes after it. */
async function finish(result: unknown, manager: ToolEvents | undefined): Promise<unknown> {
  if (typeof result !== "object" || result === null || !(Symbol.asyncIterator in result) || !("next" in result)) {
    return result;
  }
  const reports = result as AsyncGenerator<unknown, unknown>;
  try {
    for (let report = await reports.next(); ; report = await reports.next()) {
      if (report.done) {
        return report.value;
      }
      await manager?.handleToolEvent?.(report.value);
    }
  } finally {
    await reports.return(undefined);
  }
}
