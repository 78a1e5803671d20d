/** The tour behind `npm run demo`, started by scripts/demo.mjs when all is installed. */
import { cpSync, mkdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_RETRY_POLICY, retryDelays } from "../nodes/delivery/retry-policy";
import { NodeRed } from "../test/services/node-red";
import { RabbitMq } from "../test/services/rabbitmq";
import { clearAway, stopAll } from "../test/services/service";
import { freePorts, isListening, pause, waitFor } from "../test/services/wait";
import { DemoBroker } from "./broker";
import { EmulatorService } from "../test/services/emulator-service";
import { demoFlows } from "./flows";
import { deviceMessages, EXPECTED, MESSAGES, READINGS, readings, repeated } from "./messages";
import { Progress } from "./progress";
import { ReadingsFile } from "./readings-file";
import { countResult, isRight, table } from "./result";

const { values: options } = parseArgs({
  options: { check: { type: "boolean", default: false }, folder: { type: "string" }, pack: { type: "string" } },
});
const SOURCES = ["devices", "readings"];
/** Everything the examples make on a broker: queues, their dead letters, and a delay queue for each retry step of the form's defaults. */
const QUEUES = SOURCES.flatMap((queue) => [queue, `${queue}.dlq`, ...retryDelays(DEFAULT_RETRY_POLICY).map((delay) => `${queue}.retry.${delay}`)]);
const PORTS = { nodeRed: 18_800, emulator: 18_801 };
/** Messages go out in this many helpings, so that there is a middle for things to go wrong in. */
const HELPINGS = 20;
const HELPING_EVERY = 500; // ms
const SPELL = 4_000; // ms that the org answers 503
const PATIENCE = 90_000; // ms after the last message

/**
 * Resolves at Ctrl-C, and when the terminal is closed or somebody ends us: the servers are in sessions of their own, and would go on without us. A second
 * signal does not keep them from being stopped in order.
 */
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
});
process.stdout.on("error", () => undefined); // a terminal that was closed takes no more lines
/** True until the tour waits for Ctrl-C: before, it ends the tour where it is. */
let touring = true;

interface Stage {
  broker: DemoBroker;
  org: EmulatorService;
  nodeRed: NodeRed;
  file: ReadingsFile;
}

/** The preferred port, or a free one when somebody has it. */
const port = async (wanted: number): Promise<number> => ((await isListening(wanted)) ? freePorts() : wanted);

/** Starts broker, org and Node-RED with the packed pack in a fresh user directory. */
async function setTheStage(folder: string, pack: string): Promise<Stage> {
  for (const service of ["emulator", "node-red", "rabbitmq"]) await clearAway(path.join(folder, service));
  const given = process.env.AMQP_URL;
  const org = new EmulatorService({ folder: path.join(folder, "emulator"), port: await port(PORTS.emulator) });
  const nodeRed = new NodeRed({ folder: path.join(folder, "node-red"), port: await port(PORTS.nodeRed), link: false, editor: true });
  const userDir = path.join(folder, "node-red", "user");
  mkdirSync(userDir, { recursive: true });
  const startBroker = async (): Promise<DemoBroker> =>
    new DemoBroker(given ?? (await new RabbitMq({ folder: path.join(folder, "rabbitmq") }).start()));
  const startNodeRed = async (): Promise<void> => {
    cpSync(pack, userDir, { recursive: true, verbatimSymlinks: true });
    await nodeRed.start();
  };
  const [broker] = await Promise.all([startBroker(), org.start(), startNodeRed()]);
  await broker.clear(QUEUES);
  const file = new ReadingsFile(path.join(userDir, "readings.db"));
  await nodeRed.deploy(demoFlows(broker, org, file.path));
  await Promise.all(["devices", "readings"].map((queue) => broker.untilConsumed(queue)));
  return { broker, org, nodeRed, file };
}

/** Sends everything in helpings; a third of the way the org has a bad spell, two thirds of the way the broker is restarted. */
async function play({ broker, org }: Stage, say: (text: string) => void): Promise<void> {
  const devices = deviceMessages();
  const again = repeated(devices);
  const sensors = readings();
  const slice = <T>(list: T[], helping: number): T[] =>
    list.slice(Math.round((helping * list.length) / HELPINGS), Math.round(((helping + 1) * list.length) / HELPINGS));
  let refusedSoFar = 0;
  for (let helping = 0; helping < HELPINGS; helping += 1) {
    if (helping === Math.round(HELPINGS / 3)) {
      say(`the org answers 503 for ${SPELL / 1000} seconds`);
      await org.unavailable(SPELL);
    }
    const batch = slice(devices, helping);
    const bodies = [...batch, ...slice(again, helping)].map(({ body }) => body);
    const restart = helping === Math.round((2 * HELPINGS) / 3);
    if (restart && broker.isOurs) {
      // A dead letter whose acknowledgement the restart swallows would come twice, as at-least-once allows: the demo counts exactly.
      await waitFor("the dead letters so far", async () => (await broker.ready("devices.dlq")) >= refusedSoFar, { timeout: PATIENCE });
      await Promise.all([broker.publish("devices", good(batch)), broker.publish("readings", slice(sensors, helping))]);
      say("the broker is restarted");
      await broker.restart();
      say("the broker is back");
      await broker.publish("devices", [...bad(batch), ...slice(again, helping).map(({ body }) => body)]);
    } else {
      await Promise.all([broker.publish("devices", bodies), broker.publish("readings", slice(sensors, helping))]);
    }
    refusedSoFar += bad(batch).length;
    await pause(HELPING_EVERY); // devices send all day, not all at once
  }
}

const good = (messages: ReturnType<typeof deviceMessages>): Buffer[] => messages.filter(({ fault }) => !fault).map(({ body }) => body);
const bad = (messages: ReturnType<typeof deviceMessages>): Buffer[] => messages.filter(({ fault }) => fault).map(({ body }) => body);

function progressOf({ broker, org, file }: Stage): Progress {
  let letters = 0;
  return new Progress(async () => {
    const [cases, ready] = await Promise.all([org.caseCount(), broker.ready("devices.dlq")]);
    letters = Math.max(letters, ready); // the broker tells none while it is restarted
    const { rows } = file.count();
    return `cases ${cases} of ${EXPECTED.cases}   dead letters ${letters} of ${EXPECTED.deadLetters}   rows ${rows} of ${EXPECTED.rows}`;
  });
}

/** Waits until the numbers are right, or nothing more can be hoped for, and counts. */
async function finish(stage: Stage): Promise<boolean> {
  const sent = deviceMessages();
  const count = () => countResult(stage.broker, stage.org, stage.file, sent);
  await waitFor("the last messages", async () => isRight(await count()), { timeout: PATIENCE, interval: 1_000 }).catch(() => undefined);
  await pause(2_000); // what would come too often would come now
  const findings = await count();
  console.log(`\n${table(findings)}\n`);
  return isRight(findings);
}

async function main(): Promise<number> {
  if (options.folder === undefined || options.pack === undefined) throw new Error("Start it with: npm run demo");
  console.log("  starting RabbitMQ, the org emulator and Node-RED …");
  const stage = await setTheStage(options.folder, options.pack);
  console.log(`
  Node-RED's editor   ${stage.nodeRed.url}
  the org's cases     ${stage.org.url}
  RabbitMQ            ${stage.broker.url}${stage.broker.isOurs ? "" : " (AMQP_URL: not restarted)"}

  ${MESSAGES} devices' messages become cases, ${READINGS} readings become rows; the org and the broker fail on the way.
`);
  const progress = progressOf(stage);
  try {
    await play(stage, (text) => progress.say(text));
  } finally {
    await pause(1_000);
    progress.stop();
  }
  const right = await finish(stage);
  if (options.check) {
    console.log(right ? "  All numbers are right." : `  Some numbers are wrong. Node-RED's log: ${stage.nodeRed.logFile}`);
  } else {
    console.log(`  Look around: ${stage.nodeRed.url}. Its Inject nodes send more. Ctrl-C stops everything.`);
    touring = false;
    const awake = setInterval(() => undefined, 60_000); // neither servers of our own nor a signal's handler keep a process running
    await interrupted;
    clearInterval(awake);
    console.log("\n  stopping …");
  }
  await stage.broker.clear(QUEUES);
  return right ? 0 : 1;
}

void Promise.race([main(), interrupted.then(() => (touring ? 130 : new Promise<number>(() => undefined)))])
  .catch((error: unknown) => {
    console.error(error);
    return 1;
  })
  .then(async (code) => {
    await stopAll();
    process.exit(code);
  });
