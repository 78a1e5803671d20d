/**
 * 20,000 platform events of 300 bytes that the org has retained → a counter, per transport: `salesforce listen` with its default settings, which
 * follows each event until the flow has finished and saves its position, beside plain clients of that transport, which count and keep nothing. From
 * connecting to the last event, sign-in of ours included.
 */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator, startEmulator } from "@surewire/salesforce-emulator";
import { Authority } from "../test/services/certificates";
import { orgNode, tab } from "../test/flows/bridge";
import { formDefaults } from "../test/services/form-defaults";
import { BenchNodeRed } from "./support/bench-node-red";
import { load, median, report, Rounds, runBenchmark } from "./support/measure";

const COUNT = Number(process.env.MESSAGES ?? 20_000);
const EVENT = "Reading__e";
const CHANNEL = `/event/${EVENT}`;
const GOAL = 0.7;

type Transport = "cometd" | "pubsub";

/** The plain clients of each transport: the usual one first, which the goal is measured by. */
const PLAIN = { cometd: ["jsforce", "cometd"], pubsub: ["pubsub"] } as const;

/** Signs in as the plain clients need it. */
async function session(org: Emulator, ca: Buffer): Promise<{ token: string; orgId: string }> {
  const { default: https } = await import("node:https");
  const form = new URLSearchParams({ grant_type: "client_credentials", client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET }).toString();
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": form.length };
    const call = https.request(`${org.url}/services/oauth2/token`, { method: "POST", ca, headers }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => {
        const { access_token: token, id } = JSON.parse(text) as { access_token: string; id: string };
        resolve({ token, orgId: id.split("/").at(-2) ?? "" });
      });
    });
    call.on("error", reject);
    call.end(form);
  });
}

async function compare(transport: Transport, org: Emulator, nodeRed: BenchNodeRed, plainArguments: string[]): Promise<void> {
  const plain = async (name: string): Promise<number> => {
    const script = path.join(__dirname, `plain-events-${name}.cjs`);
    const env = { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1" };
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...plainArguments, CHANNEL, String(COUNT)], { timeout: 120_000, env });
    return COUNT / Number(stdout);
  };
  let run = 0;
  const ours = async (): Promise<number> => {
    run += 1;
    const listen = {
      ...{ id: "listen", type: "surewire-salesforce-listen" },
      ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
      ...{ org: "org", transport, channel: CHANNEL, replayFrom: "all", listener: `bench-${transport}-${run}`, wires: [["tally"], ["tally"]] },
    };
    const tally = { id: "tally", type: "bench-tally", count: COUNT, fromStart: true };
    const seconds = await nodeRed.run(tab({ ...orgNode(org.url), pubsubEndpoint: org.pubsubEndpoint }, listen, tally));
    await nodeRed.deploy(tab());
    return COUNT / seconds;
  };

  const ratios = new Map<string, number[]>(PLAIN[transport].map((name) => [name, []]));
  const rates: number[] = [];
  const rounds = new Rounds(60);
  for (let round = 0; rounds.left(round); round += 1) {
    const node = await ours();
    const others: string[] = [];
    for (const [name, list] of ratios) {
      const rate = await plain(name);
      others.push(`${name} ${rate.toFixed(0)}/s, ratio ${(node / rate).toFixed(2)}`);
      if (round > 0) list.push(node / rate); // the first warms up
    }
    if (round > 0) rates.push(node);
    console.log(`  round ${round}: salesforce listen ${node.toFixed(0)}/s, plain ${others.join(", ")}   ${load()}`);
  }
  for (const [name, list] of ratios) {
    const goal = name === PLAIN[transport][0] ? GOAL : undefined;
    report(`events over ${transport}`, median(list), goal, `to plain ${name}; ${median(rates).toFixed(0)}/s, ${COUNT} events a round, ${rates.length} rounds`);
  }
}

async function main(): Promise<void> {
  const authority = new Authority();
  const { cert, key } = authority.server("IP:127.0.0.1");
  const schema = [{ name: EVENT, fields: [{ name: "Text__c", type: "textarea" as const, length: 1000 }] }];
  const org = await startEmulator({ schema, pubsub: true, tls: { cert: String(cert), key: String(key) } });
  const nodeRed = await new BenchNodeRed({ env: { NODE_EXTRA_CA_CERTS: authority.ca.certFile, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: authority.ca.certFile } }).start();
  try {
    org.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 10 * COUNT });
    org.control.setLimit({ name: "DailyDeliveredPlatformEvents", max: 1000 * COUNT });
    org.control.insert({ object: EVENT, records: Array.from({ length: COUNT }, (_, index) => ({ Text__c: `${index} `.padEnd(200, "x") })) });
    const { token, orgId } = await session(org, authority.ca.cert);
    await compare("cometd", org, nodeRed, [org.url, token, "66.0"]);
    await compare("pubsub", org, nodeRed, [org.url, token, orgId, org.pubsubEndpoint ?? ""]);
  } finally {
    await org.stop();
    authority.remove();
  }
}

runBenchmark(main);
