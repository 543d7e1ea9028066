import type { Approval, ProtoMesh } from "@protomesh/sdk";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { call } from "./rig/framework.js";
import { activate } from "./rig/approvals.js";
import { goOn, goOnElsewhere, linesOf, pausing } from "./rig/pauses.js";
import { until, untilFree } from "./rig/poll.js";
import { newResource, Service } from "./rig/service.js";

let service: Service;
let folder: string;
before(async () => {
  service = await Service.start();
  folder = mkdtempSync(join(tmpdir(), "protomesh-pauses-"));
});
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

let spaces = 0;

for (const framework of pausing) {
  describe(`${framework.name}, paused for people`, () => {
    /** A namespace of its own, in which people have to approve what costs more than 20. */
    async function scene(...costs: number[]) {
      const namespace = `pause-${spaces++}`;
      const mesh = service.client("clerk", { namespace });
      const people = service.client("people", { namespace });
      await activate(people, "pauses", "metadata.cost > 20");
      const calls = costs.map(cost => call("work", newResource(), cost));
      const job = { framework: framework.name, url: service.url, agentId: "clerk", namespace, calls, file: join(folder, namespace) };
      return { mesh, people, calls, job };
    }

    async function pending(people: ProtoMesh): Promise<Approval[]> {
      const found: Approval[] = [];
      for await (const one of people.approvals.list({ state: "pending" })) {
        found.push(one);
      }
      return found;
    }

    /** Its use is certain at once, and written down a moment later. */
    const untilUsed = (people: ProtoMesh, approvalId: string) =>
      until("the approval is used", async () => (await people.approvals.get(approvalId)).state === "consumed");

    it("holds nothing meanwhile, and runs the tool once in the process that takes the run up after the yes", async () => {
      const { mesh, people, calls: [{ args }], job } = await scene(30) as Awaited<ReturnType<typeof scene>> & { calls: [ReturnType<typeof call>] };

      const { saved, asked } = await framework.begin(mesh, job);
      assert.equal(asked.length, 1);
      const [approval] = await pending(people);
      assert.deepEqual([approval?.agentId, approval?.resource, approval?.metadata, approval?.group], ["clerk", args.resource, { cost: 30 }, "finance"]);
      assert.equal(asked[0] ?? approval?.approvalId, approval?.approvalId);
      await untilFree(mesh, args.resource);
      assert.equal((await people.budgets.usage("day")).held, 0);
      assert.deepEqual(linesOf(job.file), []);
      await people.approvals.approve(approval!.approvalId, { approver: "ann" });

      assert.deepEqual(await goOnElsewhere({ ...job, saved }), [`done ${args.resource}`]);

      assert.equal(linesOf(job.file).length, 1);
      await untilUsed(people, approval!.approvalId);
      const { spent, held } = await people.budgets.usage("day");
      assert.deepEqual([spent, held], [15_000_000, 0]);
    });

    it("lets the model read why not after a no, runs nothing, and asks for nothing anew", async () => {
      const { mesh, people, job } = await scene(30);
      const { saved } = await framework.begin(mesh, job);
      const [approval] = await pending(people);
      await people.approvals.deny(approval!.approvalId, { approver: "ann", comment: "too risky" });

      const [text] = await goOnElsewhere({ ...job, saved }) as readonly string[];

      assert.match(text!, /^Not done: work\. .*(denied|too risky)/);
      assert.deepEqual(linesOf(job.file), []);
      assert.deepEqual(await pending(people), []);
    });

    it("stays paused when it is taken up too early", async () => {
      const { mesh, people, job } = await scene(30);
      const { saved } = await framework.begin(mesh, job);
      const [approval] = await pending(people);

      assert.equal(await goOn(mesh, { ...job, saved }), "paused");

      assert.deepEqual((await pending(people)).map(one => one.approvalId), [approval!.approvalId]);
      assert.deepEqual(linesOf(job.file), []);
    });

    it("cannot be made to run by whoever resumes it a second time", async () => {
      const { mesh, people, job } = await scene(30);
      const { saved } = await framework.begin(mesh, job);
      const [approval] = await pending(people);
      await people.approvals.approve(approval!.approvalId, { approver: "ann" });
      await goOn(mesh, { ...job, saved });
      assert.equal(linesOf(job.file).length, 1);

      const again = await goOn(mesh, { ...job, saved });

      assert.match(String(again), /^Not done: work\. /);
      assert.equal(linesOf(job.file).length, 1);
    });

    it("does not pause for what people have said yes to already", async () => {
      const { mesh, people, calls, job } = await scene(30);
      const { resource, cost } = calls[0]!.args;
      const { approvalId } = await mesh.approvals.request("work", { resource, metadata: { cost } });
      await people.approvals.approve(approvalId, { approver: "ann" });

      assert.deepEqual((await framework.begin(mesh, job)).asked, []);

      assert.equal(linesOf(job.file).length, 1);
      await untilUsed(people, approvalId);
    });

    it("pauses for those calls alone that people have to approve, and goes on with each as it was decided", async () => {
      const { mesh, people, calls, job } = await scene(30, 10, 40);
      const { saved } = await framework.begin(mesh, job);
      const byCost = new Map((await pending(people)).map(one => [one.metadata?.cost, one.approvalId]));
      assert.deepEqual([...byCost.keys()].sort(), [30, 40]);
      await people.approvals.approve(byCost.get(30)!, { approver: "ann" });
      await people.approvals.deny(byCost.get(40)!, { approver: "ann" });

      const seen = await goOnElsewhere({ ...job, saved }) as readonly string[];

      const [refusal, ...done] = [...seen].sort();
      assert.match(refusal!, /^Not done: work\. /);
      assert.deepEqual(done, calls.slice(0, 2).map(({ args }) => `done ${args.resource}`).sort());
      assert.equal(linesOf(job.file).filter(line => line.startsWith(calls[0]!.args.resource)).length, 1);
      assert.deepEqual(await pending(people), []);
    });
  });
}
