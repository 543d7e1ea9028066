// Builds the package twice, as ES modules and as CommonJS, each with types of its own. The compiler decides the format of
// a file by the nearest package.json, so each build compiles a copy of the sources beside one.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
rmSync(join(root, "dist"), { recursive: true, force: true });
cpSync(join(root, "..", "..", "LICENSE"), join(root, "LICENSE"));

for (const [format, type] of [["esm", "module"], ["cjs", "commonjs"]]) {
  const source = join(root, "build", `${format}-source`);
  const output = join(root, "dist", format);
  rmSync(source, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  mkdirSync(output, { recursive: true });
  cpSync(join(root, "src"), source, { recursive: true });
  for (const folder of [source, output]) {
    writeFileSync(join(folder, "package.json"), `${JSON.stringify({ type })}\n`);
  }
  writeFileSync(join(source, "tsconfig.json"), JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: {
      rootDir: ".", outDir: output, noEmit: false, sourceMap: false, stripInternal: true,
      // Import types in a CommonJS build are what this option would refuse.
      verbatimModuleSyntax: false,
    },
    include: ["."],
  }));
  const result = spawnSync(process.execPath, [compiler, "-p", source], { stdio: "inherit" });
  if (result.status !== 0) {
    process.exit(result.status ?? 1);
  }
}
