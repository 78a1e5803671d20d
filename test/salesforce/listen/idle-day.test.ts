import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Emulator } from "../../../emulator/src/index";
import { waitFor } from "../../services/wait";
import { Orgs } from "../support";
import { ListenFlow } from "./listen-flow";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const }] };
const CHANNEL = "/event/Device_Alert__e";
const HOUR = 3_600_000;
/** A server of Salesforce's holds a poll for 110 s when nothing comes; here for 3 ms. */
const POLLS_A_DAY = Math.ceil((24 * HOUR) / 110_000);
const SCALED = { cometd: { timeout: 3, maxInterval: 5_000 }, pubsub: { keepAlive: 10 } };

/** The heap in bytes, without what nobody holds. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Sockets and timers that are open, by kind. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) if (/TCP|TLS|Timeout/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe("salesforce listen, with nothing to hear", function () {
  this.timeout(180_000);
  const orgs = new Orgs();
  const flow = new ListenFlow();
  let org: Emulator;
  let polls = 0;
  const count = (message: unknown): void => {
    if ((message as { request: ClientRequest }).request.path.startsWith("/cometd/")) polls += 1;
  };

  before(async () => {
    subscribe("http.client.request.start", count);
    await flow.start();
    org = await orgs.start({ schema: [EVENT], ...SCALED });
    await flow.deploy(org, [
      { transport: "cometd", channel: CHANNEL, listener: "idle day over cometd" },
      { transport: "pubsub", channel: CHANNEL, listener: "idle day over pubsub" },
    ]);
    for (const id of ["listen", "listen1"]) await flow.shows(/Alert__e$/, id);
  });
  after(async () => {
    unsubscribe("http.client.request.start", count);
    await flow.clear();
    await flow.stop();
    await orgs.stop();
  });

  const publish = (serial: string): void => void org.control.insert({ object: EVENT.name, records: [{ Serial__c: serial }] });

  it("is alive after a day, and uses no more memory than at its beginning", async () => {
    const pass = async (some: number): Promise<void> => {
      const until = polls + some;
      await waitFor(`${some} polls`, () => polls >= until, { timeout: 100_000, interval: 50 });
    };
    await pass(50); // all that is made once is made
    const [heapBefore, before] = [heap(), resources()];
    await pass(POLLS_A_DAY);
    const grown = heap() - heapBefore;
    for (const [kind, open] of Object.entries(resources())) assert.ok(open <= (before[kind] ?? 0) + 2, `${open} ${kind}, ${before[kind]} before`);
    assert.ok(grown < 4 * 1024 * 1024, `${grown} bytes more after ${POLLS_A_DAY} polls`);
    publish("late");
    await flow.has(2);
    assert.deepEqual(flow.held.map(({ msg }) => msg.payload.Serial__c), ["late", "late"]);
    flow.release();
  });

  it("moves its position over the Pub/Sub API as the org says that nothing came, so that after 80 hours it is not stale", async () => {
    for (let hours = 0; hours < 80; hours += 8) {
      const [stream] = org.control.pubsubStreams();
      org.control.shiftClock({ ms: 8 * HOUR });
      await waitFor("word that nothing came", () => (org.control.pubsubStreams()[0]?.replayId ?? 0) > (stream?.replayId ?? 0), { interval: 5 });
    }
    await flow.clear();
    await flow.deploy(org, [{ transport: "pubsub", channel: CHANNEL, listener: "idle day over pubsub" }]);
    await flow.shows(/Alert__e$/);
    assert.deepEqual(flow.warnings, []);
  });
});
