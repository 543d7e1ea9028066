/** What one block of an event stream said; its data is empty for an id alone. */
export interface EventBlock {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/**
 * Reads server-sent events. It gives an id only when its block is complete, also without data: a stream that breaks in
 * the middle of an event must resume before that event, and one that breaks before its first event must resume where it
 * began.
 */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #afterReturn = false;
  #id: string | undefined;
  #type = "message";
  #data: string[] = [];

  /** The blocks that these bytes complete. */
  *read(bytes: Uint8Array): Generator<EventBlock, void, undefined> {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let at = this.#rest.length; at < text.length; at++) {
      const letter = text[at];
      if (letter !== "\n" && letter !== "\r") {
        this.#afterReturn = false;
        continue;
      }
      // A line ends with CR, LF or both, and the two may come in different chunks.
      if (letter === "\n" && this.#afterReturn) {
        this.#afterReturn = false;
        start = at + 1;
        continue;
      }
      this.#afterReturn = letter === "\r";
      const block = this.#line(text.slice(start, at));
      start = at + 1;
      if (block) {
        yield block;
      }
    }
    this.#rest = text.slice(start);
  }

  #line(line: string): EventBlock | undefined {
    if (line === "") {
      return this.#complete();
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    switch (name) {
      case "id":
        this.#id = value;
        break;
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#data.push(value);
        break;
      default:
        // A comment, which is a sign of life, or a field that is not used here.
        break;
    }
    return undefined;
  }

  #complete(): EventBlock | undefined {
    const block = { id: this.#id, type: this.#type, data: this.#data.join("\n") };
    const isEmpty = this.#id === undefined && this.#data.length === 0;
    this.#id = undefined;
    this.#type = "message";
    this.#data = [];
    return isEmpty ? undefined : block;
  }
}
