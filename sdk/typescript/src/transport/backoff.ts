const FIRST = 200;
const LONGEST = 5_000;

/** 0.2, 0.4, 0.8 … 5 s, each shortened by up to half at random so that many clients do not return together. */
export class Backoff {
  #next = FIRST;

  next(): number {
    const delay = this.#next * (1 - Math.random() / 2);
    this.#next = Math.min(this.#next * 2, LONGEST);
    return delay;
  }
}
