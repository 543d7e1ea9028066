import { currentLease, protectTools } from "@protomesh/sdk/ai";
import { generateText, type ModelMessage, stepCountIs, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { Arguments, type Framework, Player, type Run } from "../rig/framework.js";

type Prompt = Parameters<MockLanguageModelV3["doGenerate"]>[0]["prompt"];
export type ToolOutput = Extract<Extract<ModelMessage, { role: "tool" }>["content"][number], { type: "tool-result" }>["output"];

const usage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 },
};

/** The framework's own mock model, asked by a script. */
export function scriptedModel(player: Player): MockLanguageModelV3 {
  const answer = (prompt: Prompt) => {
    const { step, turn } = player.next(outputsOf(prompt).map(textOf));
    const content = typeof step === "string"
      ? [{ type: "text" as const, text: step }]
      : step.map(({ tool, args }, index) => (
        { type: "tool-call" as const, toolCallId: `call-${turn}-${index}`, toolName: tool, input: JSON.stringify(args) }));
    return { content, finishReason: { unified: typeof step === "string" ? "stop" as const : "tool-calls" as const, raw: undefined }, usage };
  };
  return new MockLanguageModelV3({
    doGenerate: ({ prompt }) => Promise.resolve({ ...answer(prompt), warnings: [] }),
    doStream: ({ prompt }) => {
      const { content, finishReason } = answer(prompt);
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue({ type: "stream-start", warnings: [] });
          for (const part of content) {
            if (part.type === "text") {
              controller.enqueue({ type: "text-start", id: "1" });
              controller.enqueue({ type: "text-delta", id: "1", delta: part.text });
              controller.enqueue({ type: "text-end", id: "1" });
            } else {
              controller.enqueue(part);
            }
          }
          controller.enqueue({ type: "finish", finishReason, usage });
          controller.close();
        },
      });
      return Promise.resolve({ stream });
    },
  });
}

/** The results of tools that a model is shown. */
export function outputsOf(prompt: Prompt): ToolOutput[] {
  return prompt.flatMap(message => message.role !== "tool" ? [] : message.content.flatMap(part =>
    part.type === "tool-result" ? [part.output as ToolOutput] : []));
}

export function textOf(output: ToolOutput): string {
  return "value" in output && typeof output.value === "string" ? output.value : JSON.stringify(output);
}

export function toolsOf({ tools }: Pick<Run, "tools">) {
  return Object.fromEntries(Object.entries(tools).map(([name, body]) => [name, tool({
    description: name,
    inputSchema: Arguments,
    execute: (args, { abortSignal }) => body(args, abortSignal),
  })]));
}

export const ai: Framework = {
  name: "Vercel ai",
  currentLease,
  onToolError: "out of paper",
  async run(run) {
    const player = new Player(run.script);
    const { text } = await generateText({
      model: scriptedModel(player),
      tools: protectTools(toolsOf(run), run.mesh, run.rule),
      prompt: "Go.",
      stopWhen: stepCountIs(50),
      abortSignal: run.signal,
    });
    return { text, seen: player.seen };
  },
};
