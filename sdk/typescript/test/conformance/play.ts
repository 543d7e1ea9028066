import { setTimeout as delay } from "node:timers/promises";
import { type Json, type JsonObject, isObject, ScenarioFailure } from "./json.js";
import { Names } from "./names.js";
import { type Result, run } from "./operations.js";
import { difference } from "./pattern.js";
import { Scene, type Stage } from "./scene.js";
import { GivenUp, ofError } from "./wire.js";

const STEP_LIMIT = 20_000;
const END_LIMIT = 5_000;
const PAUSE = 50;

/** Either a result or what went wrong. */
type Outcome = { readonly result: Result; readonly fault?: never } | { readonly result?: never; readonly fault: unknown };

interface Background {
  readonly run: Promise<Outcome>;
  readonly stop: AbortController;
  readonly started: number;
}

/** One run of a scenario. */
export class Play {
  readonly #scene: Scene;
  readonly #things = new Map<string, unknown>();
  readonly #background = new Map<string, Background>();
  readonly #sections = new Map<string, number>();

  private constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** @throws ScenarioFailure It does not hold. */
  static async run(scenario: JsonObject, stage: Stage): Promise<void> {
    const names = new Names({ run: `r${crypto.randomUUID().replaceAll("-", "").slice(0, 7)}` });
    const scene = await Scene.set(stage, scenario, names);
    const play = new Play(scene);
    try {
      for (const [index, step] of (scenario.steps as JsonObject[]).entries()) {
        await play.#step(`step ${index + 1}`, step, names);
      }
    } finally {
      await play.#end();
      await scene.clear();
    }
  }

  async #end(): Promise<void> {
    const running = [...this.#background.values()];
    running.forEach(({ stop }) => stop.abort(new GivenUp()));
    const limit = new AbortController();
    await Promise.race([Promise.allSettled(running.map(one => one.run)), delay(END_LIMIT, undefined, { signal: limit.signal }).catch(() => {})]);
    limit.abort();
  }

  async #step(where: string, step: JsonObject, names: Names): Promise<void> {
    if (Array.isArray(step.together)) {
      await bounded(`${where}, together`, this.#together(where, step.together as JsonObject[], names.resolve(step.count), names), limitOf(step));
    } else if (step.sleep_ms !== undefined) {
      await delay(step.sleep_ms as number);
    } else if (step.give_up !== undefined) {
      this.#find(names.text(String(step.give_up))).stop.abort(new GivenUp());
    } else if (step.join !== undefined) {
      const name = names.text(String(step.join));
      const background = this.#find(name);
      await this.#judge(`${where}, join ${name}`, step, names, background.started, () => background.run);
    } else if (step.start !== undefined) {
      const stop = new AbortController();
      const outcome = this.#call(step, names, stop.signal);
      this.#background.set(names.text(String(step.start)), { run: outcome, stop, started: performance.now() });
      // The request was handed to the platform; this lets it go out before the next step's.
      await delay(20);
    } else {
      const stop = new AbortController();
      try {
        await this.#judge(`${where}, ${String(step.op)}`, step, names, performance.now(), () => this.#call(step, names, stop.signal));
      } finally {
        stop.abort(new GivenUp());
      }
    }
  }

  /** Calls until what is expected holds, once unless the step says for how long. */
  async #judge(where: string, step: JsonObject, names: Names, started: number, call: () => Promise<Outcome>): Promise<void> {
    const limit = limitOf(step);
    const patience = (step.until_ms as number | undefined) ?? 0;
    while (true) {
      const failure = await this.#failure(where, step, names, call, limit);
      if (failure === undefined) {
        const took = step.took_ms === undefined
          ? undefined : difference(names.resolve(step.took_ms), performance.now() - started, "the time it took in ms");
        if (took !== undefined) {
          throw new ScenarioFailure(`${where}: ${took}`);
        }
        return;
      }
      if (performance.now() - started >= patience) {
        throw failure;
      }
      await delay(PAUSE);
    }
  }

  /** Undefined when it gave what was expected, which is then kept. */
  async #failure(where: string, step: JsonObject, names: Names, call: () => Promise<Outcome>, limit: number): Promise<ScenarioFailure | undefined> {
    try {
      const outcome = await bounded(where, call(), limit);
      const wrong = unexpected(outcome, names.resolve(step.expect));
      if (wrong !== undefined) {
        return new ScenarioFailure(`${where}: ${wrong}`);
      }
      this.#keep(step, names, outcome);
      return undefined;
    } catch (failure) {
      if (failure instanceof ScenarioFailure) {
        return failure;
      }
      throw failure;
    }
  }

  async #call(step: JsonObject, names: Names, signal: AbortSignal): Promise<Outcome> {
    try {
      return { result: await this.#operate(step, names, signal) };
    } catch (fault) {
      if (fault instanceof ScenarioFailure) {
        throw fault;
      }
      return { fault };
    }
  }

  async #operate(step: JsonObject, names: Names, signal: AbortSignal): Promise<Result> {
    const op = String(step.op);
    const args = (names.resolve(step.args) as JsonObject | undefined) ?? {};
    switch (op) {
      case "value":
        return { value: args.of };
      case "section.enter":
      case "section.leave":
        this.#count(op === "section.enter", String(args.section), (args.most as number | undefined) ?? 1);
        return { value: null };
      case "stage.requests":
        return { value: await this.#scene.requests() };
      case "stage.kill":
      case "stage.stop":
      case "stage.continue":
      case "stage.start":
        await this.#scene.steer(op.slice("stage.".length), args);
        return { value: null };
      case "close":
        await this.#scene.close(names.text(String(step.actor)));
        return { value: null };
      default: {
        const on = step.on === undefined ? undefined : this.#thing(names.text(String(step.on)));
        return run(op, { mesh: this.#scene.clientOf(names.text(String(step.actor))), args, on, names, signal });
      }
    }
  }

  async #together(where: string, members: readonly JsonObject[], count: Json, names: Names): Promise<void> {
    const copies = members.flatMap(member => {
      const times = isObject(member.repeat) ? (member.repeat.times as number) : undefined;
      return times === undefined ? [{ member, names }] : Array.from({ length: times }, (_, index) => ({ member, names: names.repeated(index) }));
    });
    const ends = await Promise.allSettled(copies.map(copy => this.#member(where, copy.member, copy.names, isObject(count))));
    const words = ends.map(end => {
      if (end.status === "rejected") {
        throw end.reason;
      }
      return end.value;
    });
    if (!isObject(count)) {
      return;
    }
    const counts: Record<string, number> = {};
    words.forEach(word => (counts[word] = (counts[word] ?? 0) + 1));
    const strange = Object.keys(counts).find(word => !Object.hasOwn(count, word));
    const wrong = strange === undefined ? difference(count, counts) : `${strange} is not among them`;
    if (wrong !== undefined) {
      throw new ScenarioFailure(`${where}, together: ${wrong}: ${JSON.stringify(counts)}`);
    }
  }

  /** How it ended, in a word. */
  async #member(where: string, member: JsonObject, names: Names, counted: boolean): Promise<string> {
    const steps = Array.isArray(member.steps) ? (member.steps as JsonObject[]) : [member];
    let last = "ok";
    for (const step of steps) {
      if (!counted || step.expect !== undefined || (step.op ?? step.join) === undefined) {
        await this.#step(where, step, names);
        continue;
      }
      const call = step.join === undefined
        ? this.#call(step, names, new AbortController().signal) : this.#find(names.text(String(step.join))).run;
      const outcome = await bounded(`${where}, ${String(step.op ?? "join")}`, call, limitOf(step));
      if (outcome.result === undefined) {
        return String(ofError(outcome.fault).code);
      }
      last = step.op === "try_acquire" && outcome.result.value === null ? "null" : "ok";
      this.#keep(step, names, outcome);
    }
    return last;
  }

  #keep(step: JsonObject, names: Names, outcome: Outcome): void {
    if (step.save === undefined || outcome.result === undefined) {
      return;
    }
    const name = names.text(String(step.save));
    names.save(name, outcome.result.value);
    if (outcome.result.thing !== undefined) {
      this.#things.set(name, outcome.result.thing);
    }
  }

  #count(enters: boolean, name: string, most: number): void {
    const inside = (this.#sections.get(name) ?? 0) + (enters ? 1 : -1);
    this.#sections.set(name, inside);
    if (enters && inside > most) {
      throw new ScenarioFailure(`${inside} are inside ${name} at once`);
    }
  }

  #thing(name: string): unknown {
    if (!this.#things.has(name)) {
      throw new ScenarioFailure(`nothing was saved as ${name}`);
    }
    return this.#things.get(name);
  }

  #find(name: string): Background {
    const found = this.#background.get(name);
    if (!found) {
      throw new ScenarioFailure(`nothing was started as ${name}`);
    }
    return found;
  }
}

/** Undefined when the outcome is the expected one, else how it differs. */
function unexpected(outcome: Outcome, expected: Json): string | undefined {
  if (outcome.result === undefined) {
    const error = ofError(outcome.fault);
    return isObject(expected) && expected.error !== undefined
      ? difference(expected.error, error, "the error")
      : `failed with ${String(error.code)}: ${String(error.message)}`;
  }
  const { value } = outcome.result;
  if (!isObject(expected)) {
    return undefined;
  }
  if (expected.error !== undefined) {
    return `should fail with ${JSON.stringify(expected.error)} and gave ${JSON.stringify(value ?? null)}`;
  }
  return expected.null === true ? difference(null, value) : difference(expected.value, value);
}

function limitOf(step: JsonObject): number {
  return (step.within_ms as number | undefined) ?? STEP_LIMIT;
}

async function bounded<T>(where: string, call: Promise<T>, limit: number): Promise<T> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      call,
      delay(limit, undefined, { signal: timer.signal }).then(() => {
        throw new ScenarioFailure(`${where}: no end within ${limit} ms`);
      }),
    ]);
  } catch (failure) {
    throw failure instanceof ScenarioFailure && !/^step \d/.test(failure.message) ? new ScenarioFailure(`${where}: ${failure.message}`) : failure;
  } finally {
    timer.abort();
  }
}
