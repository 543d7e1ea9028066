import { setTimeout as delay } from "node:timers/promises";

/** Looks until it holds, and fails with what was waited for after the limit. */
export async function until<T>(what: string, look: () => T | Promise<T>, limit = 20_000): Promise<NonNullable<T>> {
  const end = performance.now() + limit;
  while (true) {
    const seen = await look();
    if (seen) {
      return seen;
    }
    if (performance.now() > end) {
      throw new Error(`Not within ${limit / 1_000} s: ${what}.`);
    }
    await delay(10);
  }
}

/** The first n of something that is iterated over. */
export async function first<T>(n: number, items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) {
    seen.push(item);
    if (seen.length === n) {
      break;
    }
  }
  return seen;
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return first(Infinity, items);
}
