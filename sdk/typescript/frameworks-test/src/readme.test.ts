import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { activate } from "./rig/approvals.js";
import { Service } from "./rig/service.js";

let service: Service;
before(async () => (service = await Service.start()));
after(() => service.stop());

const examples = join(dirname(fileURLToPath(import.meta.url)), "readme/generated");

describe("The package", () => {
  it("can be required from CommonJS too", async () => {
    const program = `
      const names = path => Object.keys(require(path)).sort().join(" ");
      console.log(["langchain", "openai-agents", "ai"].map(name => names("@protomesh/sdk/" + name)).join("; "));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { cwd: examples });

    assert.equal(stdout, "currentGuard currentLease protect protomesh; applyApprovals currentGuard currentLease protect; currentGuard currentLease protect protectTools\n");
  });
});

describe("The README", () => {
  it("has an example for each framework", () => {
    assert.deepEqual(readdirSync(examples).sort(), ["ai", "langchain", "openai-agents"]);
  });

  for (const name of readdirSync(examples)) {
    it(`has an example for ${name} that works as it stands`, async () => {
      assert.match(await outputOf(join(examples, name, "agent.js")), /^Refunded \$100 to 123 with token \d+\.\n$/);
    });
  }

  for (const name of ["langchain", "openai-agents"]) {
    it(`has an example for ${name} that pauses for people and works as it stands`, async () => {
      await activate(service.client("operator", { namespace: "payments" }), "payments", "metadata.cost > 20");

      assert.match(await outputOf(join(examples, name, "paused.js")), /^Refunded \$500 to 123 with token \d+\.\n$/);
    });
  }
});

async function outputOf(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    env: { ...process.env, PROTOMESH_URL: service.url, PROTOMESH_AGENT_ID: "clerk", OPENAI_AGENTS_DISABLE_TRACING: "1" },
    timeout: 60_000,
  });
  return stdout;
}
