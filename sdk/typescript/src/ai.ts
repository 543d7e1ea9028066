import type { ProtoMesh } from "./client.js";
import { type ProtectedCall, type Protection, type Rule, runProtected, type ToolCall } from "./tools.js";

export { currentGuard, currentLease, type Protection, type Rule, type ToolCall } from "./tools.js";

/** What `tool()` and `dynamicTool()` of `ai` make, as far as it matters here. */
export interface ToolShape {
  readonly execute?: unknown;
  readonly toModelOutput?: unknown;
}

/** What the model writes for a tool. */
export type InputOf<T> = T extends { readonly execute?: infer E } ? FirstOf<NonNullable<E>> : any;
type FirstOf<F> = F extends (input: infer I, ...rest: any[]) => unknown ? I : never;

/** A tool of `ai` does not know its own name, so the rule of a single one names the action. */
export type NamedRule<TArgs = any> = (
  call: Omit<ToolCall<TArgs>, "name">,
) => NamedProtection | undefined | PromiseLike<NamedProtection | undefined>;

/** What has to be allowed and held while a tool runs. */
export interface NamedProtection extends Protection {
  /** What the policy decides. */
  readonly action: string;
}

/**
 * The same tool, which runs under what the rule asks for. A refusal is its result. The tool's `needsApproval` comes
 * before: nothing is held while a person thinks.
 */
export function protect<T extends ToolShape>(tool: T, mesh: ProtoMesh, rule: NamedRule<InputOf<T>>): T {
  return wrap("", tool, mesh, rule as Rule);
}

/** The same tools, each of which runs under what the rule asks for its calls. */
export function protectTools<T extends Readonly<Record<string, ToolShape>>>(tools: T, mesh: ProtoMesh, rule: Rule): T {
  return Object.fromEntries(Object.entries(tools).map(([name, tool]) => [name, wrap(name, tool, mesh, rule)])) as T;
}

function wrap<T extends ToolShape>(name: string, tool: T, mesh: ProtoMesh, rule: Rule): T {
  const { execute, toModelOutput } = tool as { execute?: Execute; toModelOutput?: ToModelOutput };
  if (typeof execute !== "function") {
    throw new TypeError(`${name || "The tool"} cannot be protected: it has no execute, so it does not run in this process.`);
  }
  const protectedCall = (input: unknown, options: ExecutionOptions) => ({
    mesh, rule,
    call: { name, args: input, id: options.toolCallId },
    signal: options.abortSignal,
  });
  const wrapped: Execute = isGenerator(execute)
    ? (input, options) => relay(protectedCall(input, options), stop =>
      execute.call(tool, input, { ...options, abortSignal: stop }) as AsyncIterable<unknown>)
    : (input, options) => runProtected<unknown>({
      ...protectedCall(input, options),
      run: async stop => lastOf(await execute.call(tool, input, { ...options, abortSignal: stop })),
      answer: text => text,
    });
  return {
    ...tool,
    execute: wrapped,
    // It was written for what the tool returns. Messages are also converted later, by whoever loads a conversation.
    ...(toModelOutput && {
      toModelOutput: (result => isAnswer(result.output) ? { type: "text", value: result.output } : toModelOutput.call(tool, result)) as ToModelOutput,
    }),
  };
}

type Execute = (input: unknown, options: ExecutionOptions) => unknown;
type ToModelOutput = (result: { readonly output: unknown }) => unknown;

interface ExecutionOptions {
  readonly toolCallId: string;
  readonly abortSignal?: AbortSignal;
}

function isGenerator(execute: Execute): boolean {
  return Object.prototype.toString.call(execute) === "[object AsyncGeneratorFunction]";
}

function isAnswer(output: unknown): output is string {
  return typeof output === "string" && /^(Not done: |\S+ may be half done: )/.test(output);
}

/** The framework takes the last value of an iterable for the result. It is read here, before the lease is released. */
async function lastOf(result: unknown): Promise<unknown> {
  if (typeof result !== "object" || result === null || !(Symbol.asyncIterator in result)) {
    return result;
  }
  let last: unknown;
  for await (const part of result as AsyncIterable<unknown>) {
    last = part;
  }
  return last;
}

/** Hands on what a generator reports as it comes, while the generator itself runs to its end under the lease. */
async function* relay(
  protectedCall: Omit<ProtectedCall<void>, "run" | "answer">, execute: (stop: AbortSignal | undefined) => AsyncIterable<unknown>,
): AsyncGenerator {
  // Nothing is read ahead: the tool goes on when the framework asks for more.
  const { readable, writable } = new TransformStream<unknown, unknown>(undefined, undefined, { highWaterMark: 0 });
  const parts = writable.getWriter();
  const work = runProtected<void>({
    ...protectedCall,
    run: async stop => {
      for await (const part of execute(stop)) {
        await parts.write(part);
      }
    },
    answer: text => parts.write(text),
  }).then(() => parts.close(), fault => parts.abort(fault));
  // Whoever stops reading is not told of what then fails to be written.
  const settled = work.catch(() => undefined);
  try {
    yield* readable;
  } finally {
    await settled;
  }
}
