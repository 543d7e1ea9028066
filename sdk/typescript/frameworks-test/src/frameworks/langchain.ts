import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { currentLease, protect, protomesh } from "@protomesh/sdk/langchain";
import { createAgent, tool } from "langchain";
import { Arguments, type Framework, Player, type Run, type Script } from "../rig/framework.js";

/** A chat model of LangChain that says what a script says. */
export class ScriptedChatModel extends BaseChatModel {
  readonly player: Player;
  /** The results of tools that it was last shown. */
  messages: readonly ToolMessage[] = [];

  constructor(script: Script) {
    super({});
    this.player = new Player(script);
  }

  override _llmType(): string {
    return "scripted";
  }

  override bindTools(): this {
    return this;
  }

  override _generate(messages: BaseMessage[]): Promise<ChatResult> {
    this.messages = messages.filter(message => ToolMessage.isInstance(message));
    const { step, turn } = this.player.next(this.messages.map(message => message.text));
    const message = typeof step === "string"
      ? new AIMessage(step)
      : new AIMessage({
        content: "",
        tool_calls: step.map(({ tool, args }, index) => ({ name: tool, args, id: `call-${turn}-${index}`, type: "tool_call" as const })),
      });
    return Promise.resolve({ generations: [{ text: message.text, message }] });
  }
}

export function toolsOf({ tools }: Pick<Run, "tools">) {
  return Object.entries(tools).map(([name, body]) =>
    tool((args: Arguments, config: { signal?: AbortSignal }) => body(args, config.signal), { name, description: name, schema: Arguments }));
}

export const langchainMiddleware: Framework = {
  name: "LangChain JS, middleware",
  currentLease,
  onToolError: undefined,
  async run(run) {
    const model = new ScriptedChatModel(run.script);
    const agent = createAgent({ model, tools: toolsOf(run), middleware: [protomesh(run.mesh, run.rule)] });
    return finish(model, await agent.invoke({ messages: "Go." }, { signal: run.signal }));
  },
};

export const langchainTool: Framework = {
  name: "LangChain JS, tool",
  currentLease,
  onToolError: "Error: out of paper\n Please fix your mistakes.",
  async run(run) {
    const model = new ScriptedChatModel(run.script);
    const agent = createAgent({ model, tools: toolsOf(run).map(one => protect(one, run.mesh, run.rule)) });
    return finish(model, await agent.invoke({ messages: "Go." }, { signal: run.signal }));
  },
};

function finish(model: ScriptedChatModel, { messages }: { messages: BaseMessage[] }) {
  return { text: messages.at(-1)!.text, seen: model.player.seen };
}
