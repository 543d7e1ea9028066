import { scriptedModel } from "../frameworks/ai.js";
import { Player } from "../rig/framework.js";
import { clerk } from "./script.js";

export const model = scriptedModel(new Player(clerk));
