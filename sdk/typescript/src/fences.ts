import type { FenceVerdict } from "./locks-types.js";
import type { NamespaceOptions, Settings } from "./options.js";
import type { MeshApi } from "./transport/api.js";

/** Checks fencing tokens for a resource that cannot compare them itself. */
export class FencesClient {
  readonly #api: MeshApi;
  readonly #settings: Settings;

  /** @internal */
  constructor(api: MeshApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  /**
   * Is the token a live lease's of the resource at this moment? A resource that can keep a number beside its data should
   * compare tokens itself, in the same step as the write: between this answer and a write a lease can end.
   */
  validate(resource: string, fencingToken: number, options: NamespaceOptions = {}): Promise<FenceVerdict> {
    const body = { namespace: options.namespace ?? this.#settings.namespace, resource, fencing_token: fencingToken };
    return this.#api.validateFence(body, { signal: options.signal });
  }
}
