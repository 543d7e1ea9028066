import { ScriptedChatModel } from "../frameworks/langchain.js";
import { clerk } from "./script.js";

export const model = new ScriptedChatModel(clerk);
