import type { Guard, GuardOptions, ProtoMesh } from "../../src/index.js";

/** A guard whose body runs until the scenario ends it. */
export class HeldGuard {
  readonly guard: Guard;
  readonly #end: (failure?: Error) => void;
  readonly #run: Promise<void>;

  private constructor(guard: Guard, end: (failure?: Error) => void, run: Promise<void>) {
    this.guard = guard;
    this.#end = end;
    this.#run = run;
  }

  /** The step's signal ends the asking; the body goes on after its step. */
  static enter(mesh: ProtoMesh, options: GuardOptions): Promise<HeldGuard> {
    const asking = new AbortController();
    const giveUp = () => asking.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", giveUp);
    return new Promise((entered, refused) => {
      const run: Promise<void> = mesh.guard({ ...options, signal: asking.signal }, (guard, signal) => new Promise<void>((resolve, reject) => {
        options.signal?.removeEventListener("abort", giveUp);
        signal.addEventListener("abort", () => reject(signal.reason as Error));
        const end = (failure?: Error) => (failure ? reject(failure) : resolve());
        // Not before the promise of the whole run is at hand.
        queueMicrotask(() => entered(new HeldGuard(guard, end, run)));
      }));
      run.catch(refused);
    });
  }

  /** Ends the body and the guard; fails when the guard ends with an error that is not the body's own. */
  async exit(failed: boolean): Promise<void> {
    const failure = failed ? new Error("The body of the scenario's guard failed.") : undefined;
    this.#end(failure);
    await this.#run.catch((fault: unknown) => {
      if (fault !== failure) {
        throw fault;
      }
    });
  }
}
