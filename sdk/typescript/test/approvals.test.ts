import assert from "node:assert/strict";
import { test } from "node:test";
import { type GuardOptions, NotFoundError, UnavailableError } from "../src/index.js";
import { problem, released } from "./rig/answers.js";
import { allowed, approval, denied, grantedWith, mustBeApproved, nextStep, reservation, reserved } from "./rig/chain.js";
import { type Answer, FaultServer, never, type Received } from "./rig/fault-server.js";
import { until } from "./rig/poll.js";

const refund: GuardOptions = { action: "refund", metadata: { estimated_cost: 500 } };
const asks = (request: Received) => request.path === "/v1/policies/check" || request.path === "/v1/locks";

/** A service whose policy wants an approval until it is shown one; what people say is told by `states`, one for each look. */
async function serve(states: readonly (string | Answer)[], more: (request: Received) => Answer | Promise<Answer> | undefined = () => undefined): Promise<FaultServer> {
  let looks = 0;
  return FaultServer.start(request => {
    const special = more(request);
    if (special !== undefined) {
      return special;
    }
    if (asks(request)) {
      const used = { approval: { approval_id: request.body.approval_id, by: ["ann"] }, budget: [reserved("r-1")] };
      return request.body.approval_id === undefined ? mustBeApproved(request) : request.path === "/v1/locks" ? grantedWith(used) : allowed(used);
    }
    if (request.path.startsWith("/v1/approvals/")) {
      const state = states[Math.min(looks++, states.length - 1)]!;
      return typeof state === "string" ? approval(state) : state;
    }
    return request.path.startsWith("/v1/budgets") ? reservation(request) : released();
  });
}

const paths = (server: FaultServer) => server.requests.map(({ method, path }) => `${method} ${path}`);

for (const resource of [undefined, "customer/123"]) {
  const ask = resource === undefined ? "/v1/policies/check" : "/v1/locks";
  const kind = resource === undefined ? "without a resource" : "with a resource";

  test(`A guard ${kind} denies by default, with the approval that is missing`, async () => {
    const server = await serve(["pending"]);

    await server.client().guard({ ...refund, resource }, guard => {
      assert.ok(!guard.granted);
      assert.deepEqual([guard.denial.code, guard.approvalId, guard.reservations], ["policy_denied", "ap-1", []]);
      const { approvalId, group, quorum, state, expiresInMs } = guard.denial.approval!;
      assert.deepEqual([approvalId, group, quorum, state, expiresInMs], ["ap-1", "finance", 1, "pending", 60_000]);
      assert.equal(guard.text, `Not done: refund. A person has to see this. ${nextStep("ap-1")}`);
    });

    assert.deepEqual(paths(server), [`POST ${ask}`]);
    await server.stop();
  });

  test(`A guard ${kind} that waits holds nothing meanwhile, and uses the approval once it is there`, async () => {
    const server = await serve(["pending", "pending", "approved"]);
    const mesh = server.client();
    const waiting: unknown[] = [];

    const seen = await mesh.guard({
      ...refund, resource, onApproval: "wait",
      onWaiting: asked => waiting.push([asked.approvalId, asked.group, asked.metadata, mesh.held.length]),
    }, guard => [guard.granted, guard.approvalId, guard.reservations.length]);

    assert.deepEqual(seen, [true, "ap-1", 1]);
    assert.deepEqual(waiting, [["ap-1", "finance", { estimated_cost: 500 }, 0]]);
    assert.deepEqual(paths(server).slice(0, 5), [`POST ${ask}`, ...Array.from({ length: 3 }, () => "GET /v1/approvals/ap-1"), `POST ${ask}`]);
    assert.equal(server.requests[2]!.headers.prefer, "wait=20");
    assert.equal(server.requests[4]!.body.approval_id, "ap-1");
    assert.notEqual(server.requests[4]!.body.request_id, server.requests[0]!.body.request_id);
    await server.stop();
  });

  test(`A guard ${kind} reads why people did not approve`, async () => {
    const refusal = (request: Received) => {
      const answer = denied("APPROVAL_DENIED");
      return request.path === "/v1/locks" ? problem("policy_denied", { decision: answer.json, detail: "It is APPROVAL_DENIED." }) : answer;
    };
    const server = await serve(["denied"], request => (asks(request) && request.body.approval_id !== undefined ? refusal(request) : undefined));

    await server.client().guard({ ...refund, resource, onApproval: "wait" }, guard =>
      assert.deepEqual([guard.granted, guard.denial?.approval, /^Not done: refund\. It is APPROVAL_DENIED\./.test(guard.text!)], [false, undefined, true]));

    assert.equal(server.to(ask).length, 2);
    await server.stop();
  });

  test(`A guard ${kind} that gives up waiting for people has taken nothing`, async () => {
    const stop = new AbortController();
    const server = await serve([], request => (request.path.startsWith("/v1/approvals/") ? never : undefined));
    const guarding = server.client().guard({ ...refund, resource, onApproval: "wait", signal: stop.signal }, () => assert.fail("It was not approved."));
    await until("it waits", () => server.to("/v1/approvals/ap-1").length > 0);

    stop.abort(new Error("I changed my mind"));

    await assert.rejects(guarding, /I changed my mind/);
    assert.deepEqual(paths(server), [`POST ${ask}`, "GET /v1/approvals/ap-1"]);
    await server.stop();
  });

  test(`A guard ${kind} shows the approval that it was given, and asks again without it where nobody has to approve`, async () => {
    const server = await serve([], request =>
      !asks(request) ? undefined : request.body.approval_id !== undefined ? problem("approval_not_needed") : request.path === "/v1/locks" ? grantedWith() : allowed());

    assert.equal(await server.client().guard({ ...refund, resource, approvalId: "ap-9" }, guard => guard.granted), true);

    assert.deepEqual(server.to(ask).map(({ body }) => body.approval_id), ["ap-9", undefined]);
    await server.stop();
  });
}

test("A guard whose people do not answer in time is the denial that it would have been without waiting", async () => {
  const server = await serve(["pending"]);

  await server.client().guard({ ...refund, onApproval: "wait", approvalTimeout: 300 }, guard => {
    assert.deepEqual([guard.granted, guard.denial?.approval?.approvalId, guard.denial?.code], [false, "ap-1", "policy_denied"]);
  });

  assert.equal(server.to("/v1/policies/check").length, 1);
  await server.stop();
});

for (const onApproval of ["raise", "wait"] as const) {
  test(`A yes that is there already is used, also by a guard with onApproval ${onApproval}`, async () => {
    const server = await serve([], request => (asks(request) && request.body.approval_id === undefined ? mustBeApproved(request, "ap-1", "approved") : undefined));

    const options = { ...refund, onApproval, onWaiting: () => assert.fail("There is nothing to wait for.") };
    assert.deepEqual(await server.client().guard(options, guard => [guard.granted, guard.approvalId]), [true, "ap-1"]);

    assert.equal(server.requests.filter(({ path }) => path.startsWith("/v1/approvals")).length, 0);
    await server.stop();
  });
}

for (const [how, state] of [["before anybody has decided", "superseded"], ["after the yes", "approved"]] as const) {
  test(`A guard that waits asks people again when the policy has changed ${how}, and waits for that too`, async () => {
    const ids = ["ap-1", "ap-2"];
    const server = await serve([state, "approved"], request =>
      !asks(request) ? undefined
      : request.body.approval_id === undefined ? mustBeApproved(request, ids.shift())
      : request.body.approval_id === "ap-1" ? denied("APPROVAL_SUPERSEDED") : undefined);

    assert.equal(await server.client().guard({ ...refund, onApproval: "wait" }, guard => guard.approvalId), "ap-2");

    assert.deepEqual(server.to("/v1/policies/check").map(({ body }) => body.approval_id), [undefined, ...(state === "approved" ? ["ap-1"] : []), undefined, "ap-2"]);
    await server.stop();
  });
}

test("A service that wants ever another approval is not asked for ever", async () => {
  let next = 1;
  const server = await serve(["approved"], request => (asks(request) ? mustBeApproved(request, `ap-${next++}`) : undefined));

  await server.client().guard({ ...refund, onApproval: "wait" }, guard => assert.equal(guard.denial?.code, "policy_denied"));

  assert.equal(server.to("/v1/policies/check").length, 10);
  await server.stop();
});

test("A guard that is open goes on without a service, but not without the people it has asked", async () => {
  const server = await serve([{ reset: true }]);
  const mesh = server.client({ retryFor: 0 });

  await mesh.guard({ ...refund, onApproval: "wait", onUnavailable: "open", approvalTimeout: 500 }, guard =>
    assert.deepEqual([guard.granted, guard.denial?.code], [false, "unreachable"]));

  await server.stop();
});

test("Nor does an open guard go on when the service goes away after the yes", async () => {
  const server = await serve(["approved"], request => (asks(request) && request.body.approval_id !== undefined ? { reset: true } : undefined));

  const seen = await server.client({ retryFor: 0 }).guard({ ...refund, onApproval: "wait", onUnavailable: "open" }, guard => [guard.granted, guard.denial?.code]);

  assert.deepEqual(seen, [false, "unreachable"]);
  await server.stop();
});

test("What onWaiting throws gives up, and is thrown", async () => {
  const server = await serve(["pending"]);

  await assert.rejects(server.client().guard({ ...refund, onApproval: "wait", onWaiting: () => { throw new RangeError("no more"); } }, () => ""), RangeError);
  await assert.rejects(server.client().guard({ ...refund, onApproval: "wait", approvalTimeout: -1 }, () => ""), /approvalTimeout is a number of milliseconds/);

  await server.stop();
});

test("A wait is held open in slices and goes on over faults until somebody has decided", async () => {
  const server = await serve(["pending", { reset: true }, problem("approvals_unavailable", { retry_after_ms: 10 }), "pending", "denied"]);

  const decided = await server.client({ retryFor: 0 }).approvals.wait("ap-1", { timeout: 60_000 });

  assert.equal(decided.state, "denied");
  assert.deepEqual(server.requests.map(({ headers }) => headers.prefer), Array.from({ length: 5 }, () => "wait=20"));
  await server.stop();
});

test("A wait that ends is the pending approval, and one of no time only looks", async () => {
  const server = await serve(["pending"]);
  const { approvals } = server.client();

  assert.equal((await approvals.wait("ap-1", { timeout: 300 })).state, "pending");
  assert.equal((await approvals.wait("ap-1", { timeout: 0 })).state, "pending");

  const holds = server.requests.map(({ headers }) => headers.prefer);
  assert.equal(holds.at(-1), undefined);
  assert.ok(holds.slice(0, -1).every(hold => hold === "wait=0") && holds.length >= 2, holds.join(" "));
  await assert.rejects(approvals.wait("ap-1", { timeout: Number.NaN }), /timeout is a number of milliseconds/);
  await server.stop();
});

test("A wait for a service that goes away ends with what was seen last, and throws when nothing was", async () => {
  const server = await serve(["pending", { reset: true }]);

  assert.equal((await server.client().approvals.wait("ap-1", { timeout: 1_500 })).state, "pending");
  await assert.rejects(server.client().approvals.wait("ap-1", { timeout: 1_500 }), UnavailableError);

  await server.stop();
});

test("A wait for what is not there throws at once", async () => {
  const server = await serve([problem("approval_unknown")]);

  await assert.rejects(server.client().approvals.wait("ap-1"), NotFoundError);

  assert.equal(server.requests.length, 1);
  await server.stop();
});

test("Votes are repeated under a lost answer; what would be made twice is not", async () => {
  let resets = 1;
  const server = await serve(["approved"], () => (resets-- > 0 ? { reset: true } : undefined));
  const { approvals } = server.client();

  assert.equal((await approvals.approve("ap-1", { comment: "fine", metadata: { estimated_cost: 5 }, valid: 60_000, approver: "ann" })).state, "approved");
  assert.deepEqual(server.requests.map(({ path, body }) => [path, body]), Array.from({ length: 2 }, () =>
    ["/v1/approvals/ap-1/approve", { comment: "fine", metadata: { estimated_cost: 5 }, valid_ms: 60_000, approver: "ann" }]));
  resets = 1;
  await assert.rejects(approvals.grant("finance", "refund", { expiresIn: 60_000, uses: 3 }), UnavailableError);

  assert.equal(server.to("/v1/approvals/grants").length, 1);
  await server.stop();
});
