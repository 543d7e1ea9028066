import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type ClientOptions, ProtoMesh } from "../../src/index.js";

export interface Received {
  /** From 1, over all paths. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  /** Breaks the connection without an answer. */
  readonly reset?: boolean;
  /** Announces the whole answer, sends this many bytes of it and breaks the connection. */
  readonly truncate?: number;
}

type Script = (request: Received) => Answer | Promise<Answer>;

/** A service that answers what a script says, on a real socket. */
export class FaultServer {
  readonly requests: Received[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>, requests: Received[]) {
    this.#server = server;
    this.#sockets = sockets;
    this.requests = requests;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(script: Script): Promise<FaultServer> {
    const requests: Received[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", chunk => chunks.push(chunk as Buffer));
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const request: Received = {
          number: requests.length + 1,
          method: incoming.method ?? "",
          path: incoming.url ?? "",
          headers: incoming.headers,
          body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {},
        };
        requests.push(request);
        void Promise.resolve(script(request)).then(answer => send(response, answer));
      });
    });
    server.on("connection", socket => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
    return new FaultServer(server, sockets, requests);
  }

  client(options: ClientOptions = {}): ProtoMesh {
    return new ProtoMesh({ baseUrls: this.url, agentId: "tester", logger: { warn: () => {} }, ...options });
  }

  to(path: string): Received[] {
    return this.requests.filter(request => request.path === path);
  }

  async stop(): Promise<void> {
    const closed = new Promise(done => this.#server.close(done));
    this.#sockets.forEach(socket => socket.destroy());
    await closed;
  }
}

/** An answer that never comes. */
export const never = new Promise<never>(() => {});

function send(response: ServerResponse, answer: Answer): void {
  if (answer.reset) {
    response.socket?.resetAndDestroy();
    return;
  }
  const text = answer.text ?? JSON.stringify(answer.json ?? {});
  const isProblem = (answer.status ?? 200) >= 400;
  response.writeHead(answer.status ?? 200, {
    "content-type": isProblem ? "application/problem+json" : "application/json",
    "content-length": Buffer.byteLength(text),
    "protomesh-version": "0.1.0",
    ...answer.headers,
  });
  if (answer.truncate !== undefined) {
    response.write(text.slice(0, answer.truncate), () => response.socket?.destroy());
    return;
  }
  response.end(text);
}
