import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VERSION } from "../src/index.js";
import { home } from "./rig/paths.js";

const read = (name: string) => JSON.parse(readFileSync(join(home, name), "utf8")) as {
  readonly version: string;
  readonly packages?: Readonly<Record<string, { readonly resolved?: string; readonly integrity?: string }>>;
};

test("The version that requests name is the package's", () => assert.equal(VERSION, read("package.json").version));

test("The lock has digests and no addresses", () => {
  const { "": _own, ...packages } = read("package-lock.json").packages ?? {};

  assert.ok(Object.keys(packages).length > 1);
  assert.deepEqual(Object.entries(packages).filter(([, { resolved, integrity }]) => resolved !== undefined || integrity === undefined), []);
});
