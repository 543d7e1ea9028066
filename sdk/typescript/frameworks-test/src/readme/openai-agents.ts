import { scriptedModel } from "../frameworks/openai-agents.js";
import { Player } from "../rig/framework.js";
import { clerk } from "./script.js";

export const model = scriptedModel(new Player(clerk));
