const POOL_SIZE = 1_000;
let pool = new Uint8Array(0);
let used = 0;

/** A UUIDv7 without dashes: ids of one moment lie side by side in the journal's index. */
export function newRequestId(): string {
  if (used + 10 > pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(POOL_SIZE));
    used = 0;
  }
  const random = pool.subarray(used, used + 10);
  used += 10;
  random[0] = (random[0]! & 0x0f) | 0x70;
  random[2] = (random[2]! & 0x3f) | 0x80;
  let id = Date.now().toString(16).padStart(12, "0");
  for (const byte of random) {
    id += (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return id;
}
