import type { ProtoMesh } from "@protomesh/sdk";
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

/** Waits until so many wait in the queue of a resource. */
export async function untilWaiting(mesh: ProtoMesh, resource: string, count: number): Promise<void> {
  await until(`${count} wait for ${resource}`, async () => (await mesh.locks.queue(resource)).waiting.length === count);
}

/** Waits until nobody holds a resource and nobody waits for it. */
export async function untilFree(mesh: ProtoMesh, resource: string): Promise<void> {
  await until(`${resource} is free`, async () => {
    const { heldBy, waiting } = await mesh.locks.queue(resource);
    return heldBy.length === 0 && waiting.length === 0;
  });
}
