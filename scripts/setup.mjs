/**
 * Installs what `npm test` and `npm run demo` need on a fresh machine: Debian packages and npm packages. Plain Node without dependencies, since
 * it runs before there are any. Does nothing, in well under a second, when everything is there.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CommandError, duration, inProject, isMain, pinnedNode, run } from "./lib/project.mjs";

const ODBC_INI = "/etc/odbcinst.ini";
const onPath = (program) => `/usr/bin:/usr/local/bin:/bin:${process.env.PATH}`.split(":").some((folder) => existsSync(path.join(folder, program)));
const driver = (name) => existsSync(ODBC_INI) && readFileSync(ODBC_INI, "utf8").includes(`[${name}]`);
const library = (name) => ["/usr/lib", "/usr/lib64"].some((folder) => existsSync(folder) && holds(folder, name));
const holds = (folder, name) =>
  readdirSync(folder, { withFileTypes: true }).some(
    (entry) => entry.name === name || (entry.isDirectory() && entry.name.endsWith("-linux-gnu") && existsSync(path.join(folder, entry.name, name))),
  );
const postgres = () =>
  existsSync("/usr/lib/postgresql") &&
  readdirSync("/usr/lib/postgresql").some((version) => existsSync(`/usr/lib/postgresql/${version}/bin/postgres`));

/**
 * Debian package → whether what we use of it is there. Files are checked, and dpkg is not asked: it counts a package as broken whose system service
 * could not start, but we start servers of our own.
 */
const PRESENT = {
  "rabbitmq-server": () => existsSync("/usr/lib/rabbitmq/bin/rabbitmq-server"),
  postgresql: postgres,
  "mariadb-server": () => existsSync("/usr/sbin/mariadbd") && onPath("mariadb-install-db"),
  unixodbc: () => library("libodbc.so.2"), // the packages of its drivers also install odbcinst
  "unixodbc-dev": () => existsSync("/usr/include/sql.h"),
  "odbc-postgresql": () => driver("PostgreSQL Unicode"),
  "odbc-mariadb": () => driver("MariaDB Unicode"),
  libsqliteodbc: () => driver("SQLite3"),
  chromium: () => onPath("chromium"),
  "fonts-dejavu-core": () => existsSync("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
  "g++": () => onPath("g++"),
  make: () => onPath("make"),
  python3: () => onPath("python3"),
};

/** What `npm test` needs: real servers, ODBC and its drivers, a browser, and a compiler for the odbc package. */
export const TEST_PACKAGES = Object.keys(PRESENT);
/** What `npm run demo` needs. */
export const DEMO_PACKAGES = ["rabbitmq-server", "unixodbc"];

/** Thrown when the user has to do something by hand. */
class SetupError extends Error {}

const missing = (packages) => packages.filter((name) => !PRESENT[name]());

/** Returns the command and the first arguments that install Debian packages; undefined when this user may not install any. */
function administrator() {
  if (!existsSync("/usr/bin/apt-get")) return undefined;
  if (process.getuid?.() === 0) return ["env"];
  try {
    execFileSync("sudo", ["-n", "true"], { stdio: "ignore" });
    return ["sudo", "-n", "env"];
  } catch {
    return undefined;
  }
}

async function debianPackages(packages) {
  const wanted = missing(packages);
  if (wanted.length === 0) return;
  const line = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${wanted.join(" ")}`;
  const [command, ...leading] = administrator() ?? [];
  if (command === undefined) throw new SetupError(`Debian packages are missing and this user may not install them. Please run:\n\n  ${line}\n`);
  const apt = (...args) =>
    run(command, [...leading, "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300", ...args], { quiet: true });
  await step(`Debian packages ${wanted.join(" ")}`, async () => {
    let failure = await apt("update").then(
      () => undefined,
      (error) => error,
    );
    try {
      await apt("install", "-y", "--no-install-recommends", ...wanted);
    } catch (error) {
      failure = error; // often only a system service did not start: what counts is what is on the disk
    }
    const left = missing(wanted);
    if (left.length > 0) throw new SetupError(`${failure?.output ?? ""}\nCould not install ${left.join(" ")}. By hand:\n\n  ${line}\n`);
  });
}

const lockHash = () => createHash("sha256").update(readFileSync(inProject("package-lock.json"))).digest("hex");
const STAMP = inProject("node_modules/.setup");
const INSTALLED = inProject("node_modules/.package-lock.json");

function npmPackagesAreCurrent() {
  if (!existsSync(INSTALLED)) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === lockHash()) return true;
  return statSync(INSTALLED).mtimeMs >= statSync(inProject("package-lock.json")).mtimeMs;
}

/**
 * Returns the environment for npm. It has the machine's Node, not the one in node_modules that npm is about to replace. Nothing but npm packages is downloaded:
 * the odbc package is compiled here, on all cores, with the headers that came with Node.
 */
export function npmEnvironment() {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const PATH = folders.filter((folder) => !folder.startsWith(inProject("node_modules"))).join(path.delimiter);
  const prefixes = [...folders.map((folder) => path.dirname(folder)), path.dirname(path.dirname(process.execPath)), "/usr"];
  const headers = prefixes.find((prefix) => existsSync(path.join(prefix, "include/node/node_api.h")));
  const environment = { JOBS: "max", ...process.env, PATH, npm_config_build_from_source: "odbc", npm_config_loglevel: "error" };
  if (headers !== undefined && process.env.npm_config_nodedir === undefined) environment.npm_config_nodedir = headers;
  return environment;
}

const npm = (...args) => run("npm", args, { quiet: true, env: npmEnvironment() });

/** Installs the npm packages without running their scripts; those that are needed are run later. @returns undefined when there is nothing to do */
const npmPackages = () => (npmPackagesAreCurrent() ? undefined : npm("ci", "--ignore-scripts", "--no-audit", "--no-fund"));

/** Runs the script that fetches the package with Node's binary. */
async function pinnedNodePackage() {
  const folder = inProject("node_modules/node");
  try {
    await run(process.execPath, ["installArchSpecificPackage.js"], { quiet: true, cwd: folder, env: npmEnvironment() });
  } catch (error) {
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    if (major < 22 || (major === 22 && minor < 19)) {
      throw new SetupError(`${error.output}\nThe npm package "node" could not fetch its binary, and Node ${process.versions.node} is too old for Node-RED 5.`);
    }
  }
}

const odbcBinary = () => existsSync(inProject("node_modules/odbc/lib/bindings/napi-v8/odbc.node"));

/** Compiles the odbc package. It is optional, so npm may have left it out when something failed before. */
async function odbc() {
  if (odbcBinary() || !PRESENT["unixodbc-dev"]()) return;
  await step("odbc", () => (existsSync(inProject("node_modules/odbc/package.json")) ? npm("rebuild", "odbc") : npm("ci", "--no-audit", "--no-fund")));
  if (!odbcBinary()) throw new SetupError("The npm package odbc could not be compiled; `npm rebuild odbc --foreground-scripts` says why.");
}

/** Runs a step and prints how long it took. */
export async function step(title, work) {
  process.stdout.write(`  ${title} … `);
  const start = Date.now();
  try {
    await work();
    console.log(duration(Date.now() - start));
  } catch (error) {
    console.log("failed");
    throw error;
  }
}

/**
 * Makes the machine ready.
 * @param {string[]} packages - Debian packages that have to be there
 * @throws {SetupError} with what to do by hand
 */
export async function setup(packages) {
  const fetched = npmPackages(); // beside the Debian packages, since both mostly wait for the network
  fetched?.catch(() => undefined); // reported below
  await debianPackages(packages);
  if (fetched) await step("npm packages", () => fetched);
  if (!existsSync(inProject("node_modules/node/bin/node"))) await step("pinned Node", pinnedNodePackage);
  await odbc();
  writeFileSync(STAMP, lockHash());
}

/** Prints why a script cannot go on, and ends it with exit code 1. */
export function fail(error) {
  if (error instanceof SetupError) console.error(error.message);
  else console.error(error instanceof CommandError ? `${error.message}\n${error.output}` : error);
  process.exit(1);
}

if (isMain(import.meta.url)) {
  await setup(TEST_PACKAGES).catch(fail);
  console.log(`ready, with Node ${execFileSync(pinnedNode(), ["-p", "process.versions.node"], { encoding: "utf8" }).trim()}`);
}
