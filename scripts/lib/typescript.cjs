/**
 * Lets this process require TypeScript: `node --require scripts/lib/typescript.cjs file.ts`, and mocha (.mocharc.json). Each file is compiled
 * once a change, for all processes and all runs, and not checked: that is `npm run check`'s. What loads is what tsc would write but for the
 * checks, so a process that only runs what others have compiled begins nearly as fast as one of the built pack; tests begin hundreds of them.
 */
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const path = require("node:path");

const ROOT = path.resolve(__dirname, "../..");
const CACHE = path.join(ROOT, ".cache/typescript");
/** As tsconfig.json has it. Without the names that esbuild can give to each function as it is made: they slow down Node-RED's hooks. */
const OPTIONS = { loader: "ts", format: "cjs", target: "es2022", sourcemap: "external", tsconfigRaw: { compilerOptions: { target: "es2022" } } };
const OWN = readFileSync(__filename);

let compiler;

/** Compiles what is not there yet, or is of another text. @returns JavaScript that ends with the hash of its source */
function compiled(file) {
  const source = readFileSync(file, "utf8");
  const mark = `//${createHash("sha256").update(OWN).update(source).digest("hex")}`;
  const target = path.join(CACHE, `${path.relative(ROOT, file).replaceAll("..", "_")}.js`);
  const known = read(target);
  if (known?.endsWith(mark)) return known;
  compiler ??= require("esbuild");
  const { code, map } = compiler.transformSync(source, { ...OPTIONS, sourcefile: file });
  const text = `${code}//# sourceMappingURL=${encodeURI(target)}.map\n${mark}`;
  mkdirSync(path.dirname(target), { recursive: true });
  write(`${target}.map`, map);
  write(target, text);
  return text;
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Whole at once, for the others that may read it meanwhile. */
function write(file, text) {
  writeFileSync(`${file}.${process.pid}`, text);
  renameSync(`${file}.${process.pid}`, file);
}

process.setSourceMapsEnabled(true);
require.extensions[".ts"] = (module, file) => module._compile(compiled(file), file);
