import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder; the compiled tests are in build/test/rig. */
export const home = join(dirname(fileURLToPath(import.meta.url)), "../../..");

export const repository = join(home, "../..");
