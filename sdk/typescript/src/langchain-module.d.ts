// The part of LangChain that `langchain.ts` uses, so that this package builds where no framework is installed. The
// framework tests compile the same source against LangChain's own types.
declare module "langchain" {
  export interface AgentMiddleware {
    readonly name: string;
  }

  export abstract class StructuredTool {
    readonly name: string;
    readonly responseFormat?: string;
  }

  export class ToolMessage {
    constructor(fields: { content: string; tool_call_id: string; name?: string; status?: "success" | "error" });
    readonly content: unknown;
  }

  export interface ToolCallRequest {
    readonly toolCall: { readonly name: string; readonly args: Record<string, unknown>; readonly id?: string };
    readonly tool: unknown;
    readonly runtime: { readonly signal?: AbortSignal };
  }

  export type ToolCallHandler = (request: ToolCallRequest) => ToolMessage | Promise<ToolMessage>;

  export function createMiddleware(config: {
    readonly name: string;
    readonly wrapToolCall: (request: ToolCallRequest, handler: ToolCallHandler) => ToolMessage | Promise<ToolMessage>;
  }): AgentMiddleware;
}
