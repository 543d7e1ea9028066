// A refund agent: a small loop around a chat model, whose tool asks ProtoMesh before it pays.
//
// The conductor (`dotnet run --project demo-agents -- languages`) starts it with its assignment, a JSON object, as the
// only argument, and reads what it says from its standard output.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LeaseLostError, lostText, ProtoMesh } from "@protomesh/sdk";
import { ChatModel, type Message, type Model, ModelError, providerFromEnvironment, ScriptedModel, type ToolCall } from "./models.js";

interface Assignment {
  readonly agent: string;
  readonly priority: number;
  readonly role: string;
  readonly customer: string;
  readonly claim: string;
  readonly wanted: number;
  readonly task: string;
  readonly url: string;
  readonly namespace: string;
  readonly records: string;
}

interface CustomerRecord {
  readonly balance: number;
  readonly notes: readonly { readonly by: string; readonly token: number; readonly amount: number; readonly text: string }[];
}

/** An answer of the record service that is not a success. */
class RecordError extends Error {}

const INSTRUCTIONS: { system: string; tools: unknown[] } = JSON.parse(
  readFileSync(new URL("../../refunds.json", import.meta.url), "utf8"),
);
const MOST_TURNS = 12;

class Agent {
  readonly #job: Assignment;
  readonly #mesh: ProtoMesh;
  readonly #model: Model;

  constructor(job: Assignment, mesh: ProtoMesh, model: Model) {
    this.#job = job;
    this.#mesh = mesh;
    this.#model = model;
  }

  async work(): Promise<void> {
    const messages: Message[] = [
      { role: "system", content: INSTRUCTIONS.system },
      { role: "user", content: this.#job.task },
    ];
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const answer = await this.#model.answer(messages, INSTRUCTIONS.tools);
      messages.push(answer);
      if (!answer.tool_calls?.length) {
        tell("says", answer.content ?? "nothing");
        return;
      }
      // A model may call several tools at once. Even two refunds are safe: the second waits for the first.
      messages.push(...await Promise.all(answer.tool_calls.map(async call => (
        { role: "tool", tool_call_id: call.id, content: await this.#use(call.function) }
      ))));
    }
    throw new ModelError(`The model did not come to an end in ${MOST_TURNS} turns.`);
  }

  /** A model's mistakes are answered in words too: it can do better at the next turn. */
  async #use({ name, arguments: text }: ToolCall["function"]): Promise<string> {
    const { customer_id: customer, amount } = parse(text);
    if (typeof customer !== "string" || !["number", "undefined"].includes(typeof amount)) {
      return `Not done: the arguments of ${name} are not JSON of the tool's schema. Call it again.`;
    }
    try {
      if (name === "read_customer") {
        return JSON.stringify(await this.#read(customer));
      }
      if (name === "refund" && typeof amount === "number" && amount > 0) {
        return await this.#refund(customer, amount);
      }
      return `Not done: there is no tool ${name} for this.`;
    } catch (fault) {
      if (fault instanceof RecordError) {
        return fault.message;
      }
      if (fault instanceof LeaseLostError) {
        return lostText("refund", fault);
      }
      throw fault;
    }
  }

  #refund(customer: string, amount: number): Promise<string> {
    tell("asks", `to pay back $${amount} for ${this.#job.claim}`);
    const asking = {
      action: "refund",
      resource: `customer/${customer}`,
      priority: this.#job.priority,
      wait: 120_000,
      ttl: 10_000,
      reason: this.#job.claim,
      metadata: { agent_role: this.#job.role, estimated_cost: amount },
    };
    return this.#mesh.guard(asking, async (guard, signal) => {
      if (!guard.granted) {
        tell("denied", guard.text);
        return guard.text;
      }
      return this.#pay(customer, amount, guard.lease!.fencingToken, signal);
    });
  }

  /** Runs under the lock, so that nobody pays between the look at the record and the payment. */
  async #pay(customer: string, amount: number, token: number, signal: AbortSignal): Promise<string> {
    const { agent, claim } = this.#job;
    const record = await this.#read(customer);
    if (record.notes.some(note => note.text === claim)) {
      return `${claim} has been paid before; nothing was done.`;
    }
    await sleep(300, undefined, { signal }); // A bank takes its time, and whoever got in between would be overwritten.
    const notes = [...record.notes, { by: agent, token, amount: -amount, text: claim }];
    // The record compares the token: a writer that was stopped for too long is refused there, whatever it believes.
    await this.#record(customer, {
      method: "PUT",
      signal,
      headers: { "Content-Type": "application/json", "Fencing-Token": String(token) },
      body: JSON.stringify({ ...record, notes, balance: record.balance - amount }),
    });
    return `Paid back $${amount} for ${claim}.`;
  }

  async #read(customer: string): Promise<CustomerRecord> {
    return await (await this.#record(customer)).json() as CustomerRecord;
  }

  async #record(customer: string, init?: RequestInit): Promise<Response> {
    const response = await fetch(`${this.#job.records}customers/${encodeURIComponent(customer)}`, init);
    if (!response.ok) {
      throw new RecordError(`Not done: the record of customer ${customer} answered ${response.status}.`);
    }
    return response;
  }
}

/** What is not a JSON object is as good as an empty one: the tool asks again. */
function parse(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function tell(what: string, why: string): void {
  console.log(JSON.stringify({ what, why }));
}

try {
  const job: Assignment = JSON.parse(process.argv[2]!);
  const provider = providerFromEnvironment();
  const model = provider ? new ChatModel(provider) : new ScriptedModel(job.customer, job.wanted);
  await using mesh = new ProtoMesh({ baseUrls: job.url, agentId: job.agent, namespace: job.namespace });
  await new Agent(job, mesh, model).work();
} catch (fault) {
  if (!(fault instanceof ModelError)) {
    throw fault;
  }
  console.error(`typescript: ${fault.message}`);
  process.exitCode = 1;
}
