import { it } from "node:test";

/** A test that a quick run leaves out. */
export const slow: (name: string, body: () => Promise<void>) => void = process.env.PROTOMESH_QUICK ? () => {} : (name, body) => void it(name, body);
