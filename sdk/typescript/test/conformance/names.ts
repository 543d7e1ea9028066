import { isObject, type Json, ScenarioFailure } from "./json.js";

const pattern = /\$\{([^}]+)\}/g;

/** The values that a run of a scenario has saved, and the texts in which they are named. */
export class Names {
  readonly #outer: Names | undefined;
  readonly #values = new Map<string, Json>();

  constructor(own: Readonly<Record<string, Json>>, outer?: Names) {
    this.#outer = outer;
    Object.entries(own).forEach(([name, value]) => this.#values.set(name, value));
  }

  /** These names and `${i}`, for one copy of a repeated member; what it saves, all see. */
  repeated(index: number): Names {
    return new Names({ i: index }, this);
  }

  save(name: string, value: Json): void {
    if (this.#outer) {
      this.#outer.save(name, value);
    } else {
      this.#values.set(name, structuredClone(value));
    }
  }

  /** Adds to an array, which is made when it is not there yet. */
  append(name: string, value: Json): void {
    if (this.#outer) {
      this.#outer.append(name, value);
    } else {
      this.#values.set(name, [...((this.#values.get(name) as Json[] | undefined) ?? []), structuredClone(value)]);
    }
  }

  text(text: string): string {
    return String(this.resolve(text));
  }

  /** A copy with values in place of names. */
  resolve(value: Json): Json {
    if (typeof value === "string") {
      return this.#replace(value);
    }
    if (Array.isArray(value)) {
      return value.map(item => this.resolve(item));
    }
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, member]) => [this.text(name), this.resolve(member)]))
      : value;
  }

  #replace(text: string): Json {
    const whole = /^\$\{([^}]+)\}$/.exec(text);
    return whole
      ? structuredClone(this.#find(whole[1]!))
      : text.replace(pattern, (_, name: string) => {
        const value = this.#find(name);
        return typeof value === "object" ? JSON.stringify(value) : String(value);
      });
  }

  #find(name: string): Json {
    const [first, ...path] = name.split(".") as [string, ...string[]];
    if (!this.#values.has(first)) {
      if (this.#outer) {
        return this.#outer.#find(name);
      }
      throw new ScenarioFailure(`nothing was saved as ${name}`);
    }
    const value = walk(this.#values.get(first), path);
    if (path.length > 0 && (value === undefined || value === null)) {
      throw new ScenarioFailure(`nothing was saved as ${name}`);
    }
    return value;
  }
}

/** The member at the end of a path; undefined where the path leads nowhere. */
export function walk(value: Json, path: readonly string[]): Json {
  return path.reduce<Json>(
    (at, part) => (Array.isArray(at) ? at[Number(part)] : isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined), value);
}
