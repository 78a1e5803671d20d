/** Tells what has to be installed for ODBC, and by which command on this machine. */
import { readFileSync } from "node:fs";
import { ConnectorError, errorText } from "../../../common/errors";

/** Kinds of machines with a package manager of their own. */
export type System = "debian" | "redhat" | "alpine" | "macos" | "other";

/** What may be missing: npm's `odbc`, the binary in it, the driver manager under it, or the database's own driver. */
export type Missing = "package" | "binary" | "libodbc" | "driver";

/** Commands by system. For a system without one, the hint says in words what is to be installed. */
type Commands = Partial<Record<System, string>>;

/** Commands that install unixODBC, which loads drivers. */
const DRIVER_MANAGER: Commands = {
  debian: "sudo apt-get install unixodbc",
  redhat: "sudo dnf install unixODBC",
  alpine: "apk add unixodbc",
  macos: "brew install unixodbc",
};

/** Commands that install what is needed to build npm's `odbc`, which does not bring a binary for every machine. */
const BUILD_TOOLS: Commands = {
  debian: "sudo apt-get install unixodbc-dev g++ make python3",
  redhat: "sudo dnf install unixODBC-devel gcc-c++ make python3",
  alpine: "apk add unixodbc-dev g++ make python3",
  macos: "brew install unixodbc",
};

/** Commands that install the drivers which distributions have, by patterns of the drivers' names. */
const DRIVERS: [name: RegExp, commands: Commands][] = [
  [
    /postgres|psql/i,
    { debian: "sudo apt-get install odbc-postgresql", redhat: "sudo dnf install postgresql-odbc", alpine: "apk add psqlodbc", macos: "brew install psqlodbc" },
  ],
  [
    /maria|mysql/i,
    {
      debian: "sudo apt-get install odbc-mariadb",
      redhat: "sudo dnf install mariadb-connector-odbc",
      alpine: "apk add mariadb-connector-odbc",
      macos: "brew install mariadb-connector-odbc",
    },
  ],
  [/sqlite/i, { debian: "sudo apt-get install libsqliteodbc", macos: "brew install sqliteodbc" }],
];

/** npm 12, and 11 on request, runs no install scripts but those that were approved; `rebuild` runs them then. */
const RUN_SCRIPT = "npm install-scripts approve odbc && npm rebuild odbc";

let system: System | undefined;

/** Returns the kind of this machine. */
function thisSystem(): System {
  system ??= process.platform === "darwin" ? "macos" : systemOf(osRelease());
  return system;
}

/** Returns the kind of machine that an `/etc/os-release` describes. */
export function systemOf(release: string): System {
  const ids = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].map(([, id]) => id).join(" ");
  if (/debian|ubuntu/.test(ids)) return "debian";
  if (/rhel|fedora|centos|amzn/.test(ids)) return "redhat";
  return /alpine/.test(ids) ? "alpine" : "other";
}

/** Returns an error that tells why `require("odbc")` failed, and the command that fixes it. */
export function missingPackage(error: unknown, on: System = thisSystem()): ConnectorError {
  const text = errorText(error);
  const miss = (missing: Missing, say: string): ConnectorError => new ConnectorError("DRIVER_MISSING", say, { cause: error, details: { missing } });
  if (/libodbc[.\d]*\.(so|dylib)/.test(text)) return miss("libodbc", `unixODBC is not installed (libodbc.so.2 is missing): ${run(DRIVER_MANAGER[on], "install unixODBC")}`);
  if (/ld-linux|symbol not found|relocating/i.test(text)) {
    return miss("binary", `The binary of the npm package odbc is for another kind of system: ${rebuild(on)} \`npm rebuild odbc --build-from-source\``);
  }
  if (/odbc\.node|Could not locate the bindings|bindings[\\/]napi/.test(text)) {
    return miss("binary", `The npm package odbc is there without its binary, because npm did not run its install script: in Node-RED's user directory run \`${RUN_SCRIPT}\``);
  }
  if ((error as { code?: unknown }).code === "MODULE_NOT_FOUND") {
    return miss("package", `The npm package odbc is not installed, most likely because it could not be built: ${rebuild(on)} \`npm install odbc && ${RUN_SCRIPT}\``);
  }
  return miss("binary", `The npm package odbc does not load: ${text.split("\n", 1)[0]}`);
}

/** Returns what to do about a driver that unixODBC cannot load; `name` as the connection string has it, empty when it is not known. */
export function driverHint(name: string, on: System = thisSystem()): string {
  const commands = DRIVERS.find(([pattern]) => pattern.test(name))?.[1] ?? {};
  return `The ODBC driver${name ? ` "${name}"` : ""} is not installed under this name: ${run(commands[on], "install the ODBC driver of the database")}`;
}

function rebuild(on: System): string {
  return `${run(BUILD_TOOLS[on], "install unixODBC with its headers, a C++ compiler, make and Python 3")}, then in Node-RED's user directory`;
}

function run(command: string | undefined, otherwise: string): string {
  return command ? `run \`${command}\`` : otherwise;
}

function osRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return ""; // Windows
  }
}
