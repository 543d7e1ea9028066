import assert from "node:assert/strict";
import { test } from "node:test";
import { type EventBlock, EventReader } from "../src/transport/event-reader.js";

const bytes = (text: string) => new TextEncoder().encode(text);

function read(chunks: readonly Uint8Array[]): EventBlock[] {
  const reader = new EventReader();
  return chunks.flatMap(chunk => [...reader.read(chunk)]);
}

const stream = 'id: 7\n\n: still here\n\nid: 8\nevent: lock.granted\ndata: {"id":8}\n\ndata: a\ndata: b\n\nevent: only\n\nid:9\ndata:x\n\nid: 10\ndata: cut';
const blocks = [
  { id: "7", type: "message", data: "" },
  { id: "8", type: "lock.granted", data: '{"id":8}' },
  { id: undefined, type: "message", data: "a\nb" },
  { id: "9", type: "message", data: "x" },
];

test("Complete blocks are read, and nothing of one that was cut", () => assert.deepEqual(read([bytes(stream)]), blocks));

test("It does not matter where the network cuts, nor how lines end", () => {
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const whole = bytes(stream.replaceAll("\n", lineEnd));
    for (let size = 1; size < 12; size++) {
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) => whole.subarray(index * size, (index + 1) * size));
      assert.deepEqual(read(chunks), blocks, `${JSON.stringify(lineEnd)} in pieces of ${size}`);
    }
  }
});

test("A letter of several bytes may come in two pieces", () => {
  const whole = bytes("data: Zürich 🚀\n\n");
  for (let cut = 1; cut < whole.length; cut++) {
    assert.equal(read([whole.subarray(0, cut), whole.subarray(cut)])[0]?.data, "Zürich 🚀");
  }
});
