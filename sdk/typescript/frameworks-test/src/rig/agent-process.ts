// An agent of one framework in a process of its own: node agent-process.js JOB. It says "ready", begins when it is told
// to, and says "in" when its tool has begun.
import { ProtoMesh } from "@protomesh/sdk";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { frameworks } from "../frameworks/all.js";
import { byArguments, call } from "./framework.js";
import type { Job } from "./processes.js";

const { framework: name, url, agentId, resource, increment, hold } = JSON.parse(process.argv[2]!) as Job;
const framework = frameworks.find(one => one.name === name)!;
const mesh = new ProtoMesh({ baseUrls: url, agentId });
console.log("ready");
await once(process.stdin, "data");

const { text } = await framework.run({
  mesh,
  rule: byArguments({ ttl: hold?.ttl }),
  tools: {
    async work() {
      console.log("in");
      if (hold) {
        await delay(600_000);
      }
      const { file } = increment!;
      // Whoever is inside at the same time finds this file there already.
      writeFileSync(`${file}.inside`, agentId, { flag: "wx" });
      const before = Number(readFileSync(file, "utf8"));
      await delay(10);
      writeFileSync(file, String(before + 1));
      rmSync(`${file}.inside`);
      return "done";
    },
  },
  script: (turn, seen) => {
    const wrong = seen.find(text => text !== "done");
    if (wrong !== undefined) {
      throw new Error(`The tool answered: ${wrong}`);
    }
    return hold || turn < increment!.times ? [call("work", resource)] : "all done";
  },
});
console.log(text);
