import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startEmulator } from "./emulator";
import { CHANGE_EVENTS, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, type EmulatorOptions } from "./options";
import type { ObjectDefinition } from "./schema/types";

const HELP = `surewire-salesforce-emulator: a strict Salesforce org on this machine

Usage: surewire-salesforce-emulator [options]

  --port <number>           port to listen on (default 8091; 0: any free one)
  --host <address>          address to listen on (default 127.0.0.1: this machine only)
  --schema <file.json>      objects and fields to add: [{ "name": "Device__c", "fields": [...] }]
  --client-id <text>        consumer key of the connected app (default ${DEFAULT_CLIENT_ID})
  --client-secret <text>    its consumer secret (default ${DEFAULT_CLIENT_SECRET})
  --username <text>         the user it runs as (default ${DEFAULT_USERNAME})
  --password <text>         that user's password, for the login page, the password grant and SOAP (default ${DEFAULT_PASSWORD})
  --redirect-uri <url>      the one callback URL of the web-server flow (default: any on this machine)
  --tls-cert <file>         PEM of a certificate: serves https, with
  --tls-key <file>          its key
  --jwt-public-key <file>   PEM of the public key or certificate for the JWT bearer flow
  --change-events <names>   objects with change events (default ${CHANGE_EVENTS.join(",")})
  --session-timeout <ms>    how long a token lives (default 2 hours)
  --pubsub-port <number>    serves the Pub/Sub API (gRPC) on this port (0: any free one; default: not at all)
  --help                    this text

The page at / lists the cases as they come in; GET /__emu lists what the org can be made to do.
`;

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}

function readArguments(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (error) {
    fail(`${error instanceof Error ? error.message : String(error)}\nTry --help.`);
  }
}

function parse() {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      port: text,
      host: text,
      schema: text,
      "client-id": text,
      "client-secret": text,
      username: text,
      password: text,
      "redirect-uri": text,
      "tls-cert": text,
      "tls-key": text,
      "jwt-public-key": text,
      "change-events": text,
      "session-timeout": text,
      "pubsub-port": text,
      help: { type: "boolean", short: "h" },
    },
  });
  return values;
}

/** Reads a whole number from 0 to `max`, or ends the process with an error. */
function toNumber(name: string, text: string, max: number): number {
  if (/^\d+$/.test(text) && Number(text) <= max) return Number(text);
  fail(`--${name} must be a whole number from 0 to ${max}, not ${text}`);
}

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    fail(`--${name}: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads a schema file: a list of objects, or `{ "objects": [...] }`. */
function readSchema(file: string): ObjectDefinition[] {
  let json: unknown;
  try {
    json = JSON.parse(readText("schema", file));
  } catch (error) {
    fail(`--schema: ${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = Array.isArray(json) ? json : (json as { objects?: unknown } | null)?.objects;
  if (!Array.isArray(list)) fail(`--schema: ${file} must hold a list of objects`);
  return list as ObjectDefinition[];
}

function readTls(cert: string | undefined, key: string | undefined): Pick<EmulatorOptions, "tls"> {
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) fail("--tls-cert and --tls-key go together");
  return { tls: { cert: readText("tls-cert", cert), key: readText("tls-key", key) } };
}

function toOptions(values: ReturnType<typeof parse>): EmulatorOptions {
  const keyFile = values["jwt-public-key"];
  const username = values.username ?? DEFAULT_USERNAME;
  const redirectUri = values["redirect-uri"];
  return {
    port: toNumber("port", values.port ?? "8091", 65_535),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.schema === undefined ? {} : { schema: readSchema(values.schema) }),
    ...(values["change-events"] === undefined ? {} : { changeEvents: values["change-events"].split(",").map((name) => name.trim()).filter(Boolean) }),
    ...(values["session-timeout"] === undefined ? {} : { sessionTimeout: toNumber("session-timeout", values["session-timeout"], 2 ** 31) }),
    ...(values["pubsub-port"] === undefined ? {} : { pubsub: { port: toNumber("pubsub-port", values["pubsub-port"], 65_535) } }),
    ...readTls(values["tls-cert"], values["tls-key"]),
    users: [{ username, password: values.password ?? DEFAULT_PASSWORD }],
    clients: [
      {
        clientId: values["client-id"] ?? DEFAULT_CLIENT_ID,
        clientSecret: values["client-secret"] ?? DEFAULT_CLIENT_SECRET,
        username,
        ...(redirectUri === undefined ? {} : { redirectUris: [redirectUri] }),
        ...(keyFile === undefined ? {} : { publicKey: readText("jwt-public-key", keyFile) }),
      },
    ],
  };
}

function main(): void {
  const values = readArguments();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  startEmulator(toOptions(values)).then(
    (emulator) => {
      const pubsub = emulator.pubsubEndpoint === undefined ? "" : `Pub/Sub API at ${emulator.pubsubEndpoint}\n`;
      process.stdout.write(`Salesforce emulator at ${emulator.url}\n${pubsub}`);
      const stop = (): void => {
        // A second signal ends at once.
        process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
        void emulator.stop().then(() => process.exit(0));
      };
      process.once("SIGINT", stop).once("SIGTERM", stop);
    },
    (error: unknown) => fail(`cannot start: ${error instanceof Error ? error.message : String(error)}`),
  );
}

main();
