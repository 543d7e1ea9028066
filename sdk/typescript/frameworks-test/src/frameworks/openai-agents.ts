import { Agent, type AgentInputItem, type FunctionTool, Runner, tool } from "@openai/agents";
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from "@openai/agents-core/testing";
import { currentLease, protect } from "@protomesh/sdk/openai-agents";
import { Arguments, type Framework, Player, type Run } from "../rig/framework.js";

/** The framework's own scripted model, asked by a script. */
export function scriptedModel(player: Player): ScriptedModel {
  return new ScriptedModel(Array.from({ length: 50 }, () => modelResponder(({ request }) => {
    const { step, turn } = player.next(typeof request.input === "string" ? [] : request.input.flatMap(textOf));
    return typeof step === "string"
      ? [assistantMessage(step)]
      : step.map(({ tool, args }, index) => functionCall(tool, args, { callId: `call-${turn}-${index}` }));
  })));
}

export function toolsOf({ tools }: Pick<Run, "tools">) {
  return Object.entries(tools).map(([name, body]) => tool({
    name,
    description: name,
    parameters: Arguments,
    execute: (args, _context, details) => body(args, details?.signal),
  }));
}

export const runner = new Runner({ tracingDisabled: true });

export function agentOf(player: Player, tools: readonly FunctionTool<unknown, any, any>[]): Agent {
  return new Agent({ name: "tester", model: scriptedModel(player), tools: [...tools] });
}

export const openaiAgents: Framework = {
  name: "OpenAI Agents JS",
  currentLease,
  onToolError: "An error occurred while running the tool. Please try again.",
  async run(run) {
    const player = new Player(run.script);
    const agent = agentOf(player, toolsOf(run).map(one => protect(one, run.mesh, run.rule)));
    const { finalOutput } = await runner.run(agent, "Go.", { signal: run.signal, maxTurns: 50 });
    return { text: String(finalOutput), seen: player.seen };
  },
};

function textOf(item: AgentInputItem): string[] {
  if (item.type !== "function_call_result") {
    return [];
  }
  const { output } = item;
  return [typeof output === "string" ? output : !Array.isArray(output) && output.type === "text" ? output.text : JSON.stringify(output)];
}
