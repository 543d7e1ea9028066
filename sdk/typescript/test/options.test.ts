import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ProtoMesh } from "../src/index.js";
import { resolve } from "../src/options.js";

const names = ["PROTOMESH_URL", "PROTOMESH_API_KEY", "PROTOMESH_AGENT_ID"];
const before = names.map(name => process.env[name]);
afterEach(() => names.forEach((name, index) => {
  delete process.env[name];
  if (before[index] !== undefined) {
    process.env[name] = before[index];
  }
}));

function settings(environment: Record<string, string>, options: Parameters<typeof resolve>[0] = {}) {
  names.forEach(name => delete process.env[name]);
  Object.assign(process.env, environment);
  return resolve(options);
}

test("Without options the environment says where and who", () => {
  const { baseUrls, apiKey, agentId } = settings({ PROTOMESH_URL: "http://a:8000, https://b/mesh ,", PROTOMESH_API_KEY: "key", PROTOMESH_AGENT_ID: "ann" });

  assert.deepEqual([baseUrls.map(String), apiKey, agentId], [["http://a:8000/", "https://b/mesh/"], "key", "ann"]);
});

test("Options win over the environment", () => {
  const { baseUrls, apiKey, agentId } = settings(
    { PROTOMESH_URL: "http://a:8000", PROTOMESH_API_KEY: "key", PROTOMESH_AGENT_ID: "ann" },
    { baseUrls: ["http://c:1", new URL("http://d:2")], apiKey: "other", agentId: "bob" });

  assert.deepEqual([baseUrls.map(String), apiKey, agentId], [["http://c:1/", "http://d:2/"], "other", "bob"]);
});

test("Without either it is this machine, and an agent of this process", () => {
  const { baseUrls, apiKey, agentId, attemptTimeout, retryFor } = settings({ PROTOMESH_URL: " " });

  assert.deepEqual([baseUrls.map(String), apiKey, attemptTimeout, retryFor], [["http://localhost:8000/"], undefined, 5_000, 5_000]);
  assert.match(agentId, new RegExp(`^.+-${process.pid}-[0-9a-f]{6}$`));
  assert.ok(Buffer.byteLength(agentId) <= 128);
  assert.notEqual(agentId, settings({}).agentId);
});

test("What cannot work is told when the client is made", () => {
  assert.throws(() => new ProtoMesh({ baseUrls: [] }), /at least one absolute URL/);
  assert.throws(() => new ProtoMesh({ baseUrls: "localhost" }), /localhost is not an absolute URL/);
  assert.throws(() => new ProtoMesh({ baseUrls: "ftp://a" }), /not an http or https URL/);
  assert.throws(() => new ProtoMesh({ baseUrls: "http://a", retryFor: Number.NaN }), /retryFor is a number of milliseconds/);
  assert.throws(() => new ProtoMesh({ baseUrls: "http://a", apiKey: "two\nlines" }), TypeError);
});

test("A key that no header can carry is refused without being repeated", () => {
  for (const apiKey of ["sk-secret\n", "sk secret", "sk-secr\u00e9t", "\u0000sk-secret", ""]) {
    assert.throws(() => new ProtoMesh({ baseUrls: "http://a", apiKey }), (error: Error) =>
      error instanceof TypeError && /^apiKey is printable ASCII/.test(error.message) && !/sk|secr/.test(error.stack!.split("\n    at")[0]!));
  }
  assert.equal(settings({ PROTOMESH_API_KEY: "sk-secret\n" }).apiKey, "sk-secret");
});

test("A password in a base URL is refused without being repeated", () => {
  for (const baseUrls of ["http://user:hidden@a:8000", "https://hidden@a", "ftp://user:hidden@a", "user:hidden@a", "http://user:hidden@[a"]) {
    assert.throws(() => new ProtoMesh({ baseUrls }), (error: Error) =>
      error instanceof TypeError && /base URL/.test(error.message) && !/hidden|user:/.test(`${error.message} ${String(error.cause)}`));
  }
});

test("A client's durations are finite and not negative", () => {
  for (const given of [Number.NaN, -1, Infinity]) {
    assert.throws(() => new ProtoMesh({ baseUrls: "http://a", attemptTimeout: given }), new RegExp(`attemptTimeout is .+ and not ${given}\\.`));
    assert.throws(() => new ProtoMesh({ baseUrls: "http://a", retryFor: given }), new RegExp(`retryFor is .+ and not ${given}\\.`));
  }
});
