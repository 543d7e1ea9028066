import type { Framework } from "../rig/framework.js";
import { ai } from "./ai.js";
import { langchainMiddleware, langchainTool } from "./langchain.js";
import { openaiAgents } from "./openai-agents.js";

export const frameworks: readonly Framework[] = [langchainMiddleware, langchainTool, openaiAgents, ai];
