// Builds `built/` from `src/`: one script, one style sheet, the page that loads them, and the licences of what is in it.
//
// Names hold a hash of their content. `sources.json` records a hash of everything that was read here, by which a test
// sees whether the built files belong to the sources.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "built");

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function below(folder) {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? below(path) : [path]));
}

// Path and content of every source, in the order of the paths.
function hashOfSources() {
  const top = ["build.mjs", "package.json", "package-lock.json", "tsconfig.json"].map((name) => join(here, name));
  const paths = [...top, ...below(join(here, "src"))].map((path) => relative(here, path).replaceAll("\\", "/")).sort();
  return sha256(...paths.flatMap((path) => [path, "\0", readFileSync(join(here, path)), "\0"]));
}

// The folder of the package that a file under node_modules belongs to.
function packageOf(path) {
  const parts = path.split("node_modules/").at(-1).split("/");
  const name = parts.slice(0, parts[0].startsWith("@") ? 2 : 1).join("/");
  return join(here, "node_modules", name);
}

function licences(inputs) {
  const folders = new Set(inputs.filter((path) => path.includes("node_modules/")).map(packageOf));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!["MIT", "BSD-3-Clause", "Apache-2.0", "ISC"].includes(license)) throw new Error(`${name} is under ${license}`);
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : ""}\n`;
  });
  return `The page contains the following.\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

const result = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts", "src/style.css"],
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  metafile: true,
  write: false,
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = {};
function keep(stem, extension, content) {
  const name = `${stem}-${sha256(content).slice(0, 12)}${extension}`;
  writeFileSync(join(out, name), content);
  names[`${stem}${extension}`] = name;
}
for (const file of result.outputFiles) {
  const extension = extname(file.path);
  keep("page", extension, file.contents);
}
keep("icon", ".svg", readFileSync(resolve(here, "src/icon.svg")));
keep("licences", ".txt", licences(Object.keys(result.metafile.inputs)));
const page = readFileSync(join(here, "src/index.html"), "utf8");
writeFileSync(
  join(out, "index.html"),
  page.replace(/\{\{(.+?)\}\}/g, (_, name) => {
    if (!names[name]) throw new Error(`index.html asks for ${name}, built were ${Object.keys(names).join(", ")}`);
    return `assets/${names[name]}`;
  }),
);
writeFileSync(join(out, "sources.json"), `${JSON.stringify({ sources: hashOfSources() })}\n`);
for (const path of below(out)) console.log(relative(here, path), statSync(path).size);
