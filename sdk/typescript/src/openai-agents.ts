import type { ProtoMesh } from "./client.js";
import { type Rule, runProtected, type ToolCall } from "./tools.js";

export { currentLease, type Protection, type Rule, type ToolCall } from "./tools.js";

/** What `tool()` and `agent.asTool()` of `@openai/agents` make, as far as it matters here. */
export interface FunctionToolShape {
  readonly type: "function";
  readonly name: string;
  readonly outputSchema?: unknown;
  readonly errorFunction?: ((context: any, error: any, details?: any) => any) | null;
  invoke(context: any, input: string, details?: any): Promise<any>;
}

/**
 * The same tool, which runs under what the rule asks for. A refusal is its output. Approvals and guardrails of the tool
 * come before: nothing is held while a person thinks. The tool's `timeoutMs` counts the wait in the queue too.
 */
export function protect<T extends FunctionToolShape>(tool: T, mesh: ProtoMesh, rule: Rule): T {
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
  return copy(tool, { invoke });
}

interface ToolCallDetails {
  readonly signal?: AbortSignal;
  readonly toolCall?: { readonly callId?: string };
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
