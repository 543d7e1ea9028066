import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { runProtected, type Rule } from "../src/tools.js";
import { granted, released } from "./rig/answers.js";
import { FaultServer } from "./rig/fault-server.js";

let server: FaultServer;
before(async () => (server = await FaultServer.start(request => (request.path.endsWith("/release") ? released() : granted()))));
after(() => server.stop());

function call(rule: Rule): Promise<string> {
  return runProtected<string>({
    mesh: server.client(), rule, call: { name: "refund", args: {}, id: undefined }, signal: undefined, run: () => "done", answer: text => text,
  });
}

test("A rule cannot set the request id, under which two calls would share one lease", async () => {
  const rule = () => ({ resource: "customer/123", requestId: "request-1" });

  assert.match(await call(rule), /^Not done: refund\. .+A rule cannot set requestId/);
  assert.equal(server.requests.length, 0);
  assert.equal(await call(() => ({ resource: "customer/123", requestId: undefined }) as object), "done");
});

test("A rule whose duration is none keeps the tool from running", async () => {
  const sent = server.requests.length;

  assert.match(await call(() => ({ resource: "customer/123", ttl: Number.NaN })), /^Not done: refund\. .+ttl is a number of milliseconds/);
  assert.equal(server.requests.length, sent);
});

test("A rule that gives no object, or names nothing, keeps the tool from running", async () => {
  const sent = server.requests.length;

  for (const given of ["customer/1", ["customer/1"], null, 7]) {
    assert.match(await call(() => given as object), /^Not done: refund\. .+A rule gives an object such as \{ resource: "customer\/1" \}/);
  }
  const missing = ({ args }: { args: Record<string, string> }) => `customer/${args.id}`;
  for (const resource of [missing, (asked: Parameters<typeof missing>[0]) => [missing(asked)], () => ["a/1", { resource: `customer/${null}` }], () => `customer/${{}}`]) {
    assert.match(await call(asked => ({ resource: resource(asked) }) as object), /^Not done: refund\. .+ names nothing: an argument that the rule reads is missing/);
  }

  assert.equal(server.requests.length, sent);
  assert.equal(await call(() => ({ resource: "customer/nullable" })), "done");
});
