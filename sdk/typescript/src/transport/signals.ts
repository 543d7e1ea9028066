import { defaultMaxListeners, getMaxListeners, setMaxListeners } from "node:events";

/** One signal of a run is given to many calls at once; the platform's own fetch raises its limit to the same number. */
const MANY = 1_500;

/** Calls back when the signal aborts; the answer ends that. */
export function listen(signal: AbortSignal | undefined, onAbort: () => void): () => void {
  if (signal === undefined) {
    return () => {};
  }
  if (getMaxListeners(signal) === defaultMaxListeners) {
    setMaxListeners(MANY, signal);
  }
  signal.addEventListener("abort", onAbort);
  return () => signal.removeEventListener("abort", onAbort);
}
