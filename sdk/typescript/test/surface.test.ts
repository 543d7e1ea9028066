import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { toSnakeName } from "../src/naming.js";
import { home, repository } from "./rig/paths.js";

type Surface = Readonly<Record<string, readonly string[]>>;

/** What the published declarations say, in the words that all languages share. */
function published(): Surface {
  const entry = join(home, "dist/esm/index.d.ts");
  const program = ts.createProgram([entry], { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, types: ["node"], strict: true });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry);
  assert.ok(source, "The package is not built; run: npm run build");
  const exported = new Map(checker.getExportsOfModule(checker.getSymbolAtLocation(source)!).map(symbol => [symbol.name, symbol]));
  const declarationOf = (name: string) => {
    const symbol = exported.get(name);
    assert.ok(symbol, `${name} is not exported`);
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  };
  const members = (name: string) => {
    return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(declarationOf(name))).map(member => member.name).filter(member => !/^(__@|#)/.test(member));
  };
  const errors = [...exported.keys()].filter(name => name.endsWith("Error") && declarationOf(name).flags & ts.SymbolFlags.Class);
  const inherited = new Set(["name", "stack", "cause"]);
  return Object.fromEntries(Object.entries({
    client: members("ProtoMesh"),
    locks: members("LocksClient"),
    lease: members("Lease"),
    policies: members("PoliciesClient"),
    fences: members("FencesClient"),
    events: members("EventsClient"),
    keys: members("KeysClient"),
    budgets: members("BudgetsClient"),
    approvals: members("ApprovalsClient"),
    guard: members("Guard"),
    denial: members("Denial"),
    acquire_options: members("AcquireOptions"),
    // The others are those of the request for its lease.
    guard_options: members("GuardOptions").filter(name => !new Set(["action", "resource", ...members("AcquireOptions")]).has(name)),
    client_options: members("ClientOptions").map(name => (name === "fetch" ? "httpClient" : name)),
    error_fields: members("MeshError").filter(name => !inherited.has(name)),
  }).map(([room, names]) => [room, names.map(toSnakeName).sort()] as const).concat([["errors", errors.map(name => name.replace(/Error$/, "")).sort()]]));
}

test("The public names are those of every SDK and the few that are TypeScript's own", () => {
  const { only, ...shared } = JSON.parse(readFileSync(join(repository, "tests/conformance/surface.json"), "utf8")) as
    Surface & { readonly only: Readonly<Record<string, Surface>> };
  const own = only.typescript ?? {};

  const expected = Object.fromEntries(Object.entries(shared).map(([room, names]) => [room, [...names, ...(own[room] ?? [])].sort()]));

  assert.deepEqual(published(), expected);
});
