import { ProtoMesh } from "../../src/index.js";
import { isObject, type Json, type JsonObject, ScenarioFailure } from "./json.js";
import type { Names } from "./names.js";

/** The stage: what serves the scenarios and breaks things on purpose. */
export class Stage {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, "");
  }

  async call(method: string, path: string, body?: JsonObject): Promise<JsonObject> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new ScenarioFailure(`the stage answered ${response.status} to ${method} ${path}: ${text}`);
    }
    return text === "" ? {} : (JSON.parse(text) as JsonObject);
  }
}

/** What one run of a scenario has on the stage: its own server and proxy, and a client for each actor. */
export class Scene {
  readonly #stage: Stage;
  readonly #settings: Json | undefined;
  readonly #names: Names;
  readonly #urls = new Map<string, string>();
  readonly #clients = new Map<string, ProtoMesh>();
  #server: string | undefined;
  #proxy: string | undefined;

  private constructor(stage: Stage, settings: Json | undefined, names: Names) {
    this.#stage = stage;
    this.#settings = settings;
    this.#names = names;
  }

  static async set(stage: Stage, scenario: JsonObject, names: Names): Promise<Scene> {
    const scene = new Scene(stage, scenario.clients, names);
    const found = await stage.call("GET", "/stage");
    scene.#urls.set("server", String(found.url)).set("dead", String(found.dead));
    if (isObject(scenario.server)) {
      const server = await stage.call("POST", "/stage/servers", { settings: scenario.server.settings ?? {} });
      scene.#server = String(server.id);
      scene.#urls.set("own", String(server.url));
    }
    const faults = names.resolve(scenario.faults);
    if (Array.isArray(faults)) {
      const proxy = await stage.call("POST", "/stage/proxies", { target: scene.#urls.get("own") ?? scene.#urls.get("server"), faults });
      scene.#proxy = String(proxy.id);
      scene.#urls.set("proxy", String(proxy.url));
    }
    return scene;
  }

  /** The client of an actor, made when it is first asked for. */
  clientOf(actor: string): ProtoMesh {
    let client = this.#clients.get(actor);
    if (!client) {
      // Not before it is needed: a key may be one that the scenario has made.
      const own = isObject(this.#settings) ? this.#settings[actor] : undefined;
      const settings = (this.#names.resolve(own) as JsonObject | undefined) ?? {};
      const kinds = (settings.urls as string[] | undefined) ?? [this.#proxy !== undefined ? "proxy" : this.#server !== undefined ? "own" : "server"];
      client = new ProtoMesh({
        baseUrls: kinds.map(kind => this.#urls.get(kind)!),
        agentId: (settings.agent_id as string | undefined) ?? actor,
        sessionId: settings.session_id as string | undefined,
        namespace: settings.namespace as string | undefined,
        apiKey: settings.api_key as string | undefined,
        retryFor: settings.retry_for_ms as number | undefined,
        attemptTimeout: settings.attempt_timeout_ms as number | undefined,
        logger: { warn: () => {} },
      });
      this.#clients.set(actor, client);
    }
    return client;
  }

  /** The next step of the actor makes a new one. */
  async close(actor: string): Promise<void> {
    const client = this.#clients.get(actor);
    this.#clients.delete(actor);
    await client?.close();
  }

  async requests(): Promise<Json> {
    if (this.#proxy === undefined) {
      throw new ScenarioFailure("the scenario has no proxy");
    }
    return (await this.#stage.call("GET", `/stage/proxies/${this.#proxy}`)).requests;
  }

  async steer(what: string, args: JsonObject): Promise<void> {
    if (this.#server === undefined) {
      throw new ScenarioFailure("the scenario has no server of its own");
    }
    await this.#stage.call("POST", `/stage/servers/${this.#server}/${what}`, args);
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map(actor => this.close(actor)));
    if (this.#proxy !== undefined) {
      await this.#stage.call("DELETE", `/stage/proxies/${this.#proxy}`);
    }
    if (this.#server !== undefined) {
      await this.#stage.call("DELETE", `/stage/servers/${this.#server}`);
    }
  }
}
