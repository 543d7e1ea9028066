import { listen } from "./signals.js";

/** Milliseconds on a clock that only goes forward, whatever happens to the time of day. */
export function now(): number {
  return performance.now();
}

/** A timer that does not keep the process alive, for work in the background. */
export function quietTimer(callback: () => void, delay: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, Math.max(0, delay));
  timer.unref?.();
  return timer;
}

/** Ends early with the signal's reason. */
export function sleep(delay: number, signal?: AbortSignal, quiet = false): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onTime = () => {
      unlisten();
      resolve();
    };
    const timer = quiet ? quietTimer(onTime, delay) : setTimeout(onTime, delay);
    const unlisten = listen(signal, () => {
      clearTimeout(timer);
      unlisten();
      reject(signal!.reason as Error);
    });
  });
}
