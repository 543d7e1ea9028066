/**
 * The wire has snake_case names, TypeScript has camelCase ones. What a caller named itself (labels, metadata, the inputs
 * of a rule) is not renamed: these maps keep their keys in both directions.
 */
const freeForm: ReadonlySet<string> = new Set(["labels", "metadata", "values", "facts", "data", "inputs", "value"]);

const camelNames = new Map<string, string>();
const snakeNames = new Map<string, string>();

export function toCamelName(name: string): string {
  return cached(camelNames, name, text => text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()));
}

export function toSnakeName(name: string): string {
  return cached(snakeNames, name, text => text.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`));
}

/** An answer of the service with this language's names. */
export function fromWire<T>(value: unknown): T {
  return rename(value, toCamelName) as T;
}

/** The opposite of {@link fromWire}: what it was on the wire. */
export function toWire<T = unknown>(value: unknown): T {
  return rename(value, toSnakeName) as T;
}

function rename(value: unknown, name: (text: string) => string): unknown {
  if (Array.isArray(value)) {
    return value.map(item => rename(item, name));
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined) {
      result[name(key)] = freeForm.has(key) ? item : rename(item, name);
    }
  }
  return result;
}

/** The names of the wire are few, but a proxy may answer with any: the cache is bounded. */
function cached(cache: Map<string, string>, text: string, make: (text: string) => string): string {
  let made = cache.get(text);
  if (made === undefined) {
    made = make(text);
    if (cache.size < 1_000) {
      cache.set(text, made);
    }
  }
  return made;
}
