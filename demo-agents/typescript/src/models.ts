// The two models that an agent can think with: a provider's chat model, and a script that plays its part offline.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface Message {
  readonly role: string;
  readonly content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

export interface Model {
  answer(messages: readonly Message[], tools: readonly unknown[]): Promise<Message>;
}

/** The model did not answer. Its text never contains the key. */
export class ModelError extends Error {}

export interface Provider {
  readonly name: string;
  readonly baseUrl: string;
  readonly model: string;
  readonly key: string;
}

const ATTEMPTS = 5;
const LONGEST_PAUSE_S = 30;

/** The first one that has a key, in the order of providers.json. */
export function providerFromEnvironment(): Provider | undefined {
  const entries: { name: string; base_url: string; model: string }[] = JSON.parse(
    readFileSync(new URL("../../providers.json", import.meta.url), "utf8"),
  );
  for (const entry of entries) {
    const prefix = entry.name.toUpperCase();
    const key = process.env[`${prefix}_API_KEY`]?.trim();
    if (!key) {
      continue;
    }
    if (!/^[!-~]+$/.test(key)) {
      // The HTTP client would refuse the header too, and quote it.
      throw new ModelError(`${prefix}_API_KEY is no key: it has a line break, a space or another odd character.`);
    }
    const baseUrl = process.env[`${prefix}_BASE_URL`] || entry.base_url;
    return { name: entry.name, baseUrl: baseUrl.replace(/\/+$/, ""), model: process.env[`${prefix}_MODEL`] || entry.model, key };
  }
  return undefined;
}

/** A model behind the chat completions API, which Gemini, Groq and OpenAI share. */
export class ChatModel implements Model {
  readonly #provider: Provider;

  constructor(provider: Provider) {
    this.#provider = provider;
  }

  async answer(messages: readonly Message[], tools: readonly unknown[]): Promise<Message> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#post({ model: this.#provider.model, messages, tools });
      if (response?.ok) {
        return this.#message(response);
      }
      const mayPass = response === undefined || response.status === 429 || response.status >= 500;
      const pause = Number(response?.headers.get("retry-after")) || 2 ** (attempt - 1);
      if (!mayPass || pause > LONGEST_PAUSE_S || attempt === ATTEMPTS) {
        throw new ModelError(await this.#why(response));
      }
      await sleep(pause * 1000);
    }
  }

  /** Nothing when there was no answer. */
  async #post(body: object): Promise<Response | undefined> {
    const response = fetch(`${this.#provider.baseUrl}/chat/completions`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.#provider.key}` },
      body: JSON.stringify(body),
      redirect: "manual", // The key is for this address only.
      signal: AbortSignal.timeout(60_000),
    });
    return response.catch(() => undefined);
  }

  async #message(response: Response): Promise<Message> {
    const body = await response.json().catch(() => undefined) as { choices?: { message?: Message }[] } | undefined;
    const message = body?.choices?.[0]?.message;
    if (!message?.role) {
      throw new ModelError(`${this.#provider.name} answered without a message.`);
    }
    // Sent back with the next request: the calls word by word, since a provider may have signed them, and no field that
    // another provider would not know.
    const { role, content, tool_calls } = message;
    return { role, ...(content ? { content } : {}), ...(tool_calls ? { tool_calls } : {}) };
  }

  async #why(response: Response | undefined): Promise<string> {
    const { name, baseUrl, key } = this.#provider;
    if (response === undefined) {
      return `${name} cannot be reached at ${baseUrl}.`;
    }
    if (response.status === 401 || response.status === 403) {
      // Its own words may quote the key.
      return `${name} does not accept ${name.toUpperCase()}_API_KEY (${response.status}).`;
    }
    const words = (await response.text().catch(() => "")).replaceAll(key, "***").slice(0, 500);
    return `${name} answered ${response.status}: ${words.replace(/\s+/g, " ")}`;
  }
}

/** What a sensible model would do, without one: it reads the record, asks for all, and takes what it is told it may. */
export class ScriptedModel implements Model {
  readonly #customer: string;
  readonly #wanted: number;

  constructor(customer: string, wanted: number) {
    this.#customer = customer;
    this.#wanted = wanted;
  }

  async answer(messages: readonly Message[]): Promise<Message> {
    const { role, content = "" } = messages.at(-1)!;
    if (role === "user") {
      return call("read_customer", { customer_id: this.#customer });
    }
    if (content.startsWith("{")) {
      return call("refund", { customer_id: this.#customer, amount: this.#wanted });
    }
    const limit = /estimated_cost <= (\d+)/.exec(content)?.[1];
    return limit ? call("refund", { customer_id: this.#customer, amount: Number(limit) }) : { role: "assistant", content };
  }
}

function call(name: string, args: object): Message {
  return { role: "assistant", tool_calls: [{ id: `call_${name}`, type: "function", function: { name, arguments: JSON.stringify(args) } }] };
}
