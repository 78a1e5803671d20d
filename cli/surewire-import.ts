#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { importFile } from "./import/import-file";
import { KINDS } from "./import/kinds";
import { keysTable } from "./import/keys-table";
import { ImportError } from "./import/note";
import { transactionOf, TRANSACTIONS } from "./import/transaction";

const HELP = `surewire-import: the configuration file of an old connector as a Node-RED flow

Usage: surewire-import [options] file.json > flow.json

  file.json               one JSON file: of a bridge between queues and databases (sections database, broker and format), or of a
                          connector from devices to Salesforce cases (tenant and divisions); - reads standard input
  --transaction <which>   ${TRANSACTIONS.join(", ")}:
                          where a bridge's file does not say it
  --prefix <name>         what the names of environment variables for secrets begin with (default SUREWIRE)
  --keys                  print the tables of keys that are understood
  --version               print the version
  --help                  this text

The flow goes to standard output: import it in Node-RED's editor (menu, Import). Standard error says which environment variables to set, and
which keys were not known or could not be carried over. Passwords appear in neither.
Exit code: 0 when there is a flow, 1 when the file cannot be read as such a configuration, 2 when the command is wrong.
`;

/** Thrown when the command line is wrong; the exit code is 2 then. */
class UsageError extends Error {}

function readArguments(): { values: ReturnType<typeof parse>["values"]; positionals: string[] } {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: {
      transaction: { type: "string" },
      prefix: { type: "string" },
      keys: { type: "boolean" },
      version: { type: "boolean", short: "v" },
      help: { type: "boolean", short: "h" },
    },
  });
}

function version(): string {
  return (JSON.parse(readFileSync(join(__dirname, "..", "..", "package.json"), "utf8")) as { version: string }).version;
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new ImportError((error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : `cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
}

function main(): void {
  const { values, positionals } = readArguments();
  if (values.help) return void process.stdout.write(HELP);
  if (values.version) return void process.stdout.write(`${version()}\n`);
  if (values.keys) return void process.stdout.write(`${KINDS.map(({ keys }) => `## Keys of ${keys.title}\n\n${keysTable(keys)}`).join("\n\n")}\n`);
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw new UsageError("name one file, or - for standard input");
  const transaction = values.transaction === undefined ? undefined : transactionOf(values.transaction);
  if (values.transaction !== undefined && !transaction) throw new UsageError(`--transaction must be one of ${TRANSACTIONS.join(", ")}`);
  if (values.prefix !== undefined && !/^[A-Za-z_]\w*$/.test(values.prefix)) throw new UsageError("--prefix must be letters, digits and _, and not begin with a digit");
  const name = file === "-" ? "standard input" : basename(file);
  try {
    const { flow, report } = importFile(readBytes(file), name, { transaction, prefix: values.prefix });
    process.stdout.write(`${JSON.stringify(flow, undefined, 2)}\n`);
    process.stderr.write(report);
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

// a reader such as `head` may close the pipe after the first lines
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
try {
  main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nTry --help.\n`);
  process.exitCode = 2;
}
