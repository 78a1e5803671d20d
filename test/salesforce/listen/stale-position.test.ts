import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import { Orgs } from "../support";
import { ListenFlow } from "./listen-flow";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const }] };
const CHANNEL = "/event/Device_Alert__e";

describe("salesforce listen with a position that its org has forgotten", function () {
  this.timeout(60_000);
  const orgs = new Orgs();
  const flow = new ListenFlow();
  let org: Emulator;

  before(async () => {
    await flow.start();
    org = await orgs.start({ schema: [EVENT], pubsub: true, cometd: { timeout: 3_000, maxInterval: 3_000 } });
  });
  beforeEach(() => org.control.reset());
  afterEach(() => flow.clear());
  after(async () => {
    await flow.stop();
    await orgs.stop();
  });

  const publish = (serial: string): void => void org.control.insert({ object: EVENT.name, records: [{ Serial__c: serial }] });

  /** Takes `seen`, is away while the org forgets it and `missed` comes, and is back. */
  async function away(transport: string, staleReplay: string): Promise<void> {
    const listener = { transport, staleReplay, channel: CHANNEL, listener: `stale ${transport} ${staleReplay}` };
    await flow.deploy(org, [listener]);
    await flow.shows(/Alert__e$/);
    publish("seen");
    await flow.has(1);
    flow.release();
    await flow.shows(/Alert__e$/);
    await flow.clear();
    org.control.ageEvents();
    publish("missed");
    await flow.deploy(org, [listener]);
  }

  const next = async (): Promise<unknown> => {
    const [first] = await flow.has(1);
    return first?.msg.payload.Serial__c;
  };

  for (const transport of ["cometd", "pubsub"]) {
    it(`reads all there is over ${transport}, and says so`, async () => {
      await away(transport, "all");
      assert.equal(await next(), "missed");
      assert.match(flow.warnings.join("\n"), /does not know position \w+ any more: all that it has retained is read/);
    });

    it(`reads only what is new over ${transport}, and says so`, async () => {
      await away(transport, "new");
      await flow.shows(/status.stale-new/);
      publish("new");
      assert.equal(await next(), "new");
      assert.equal(flow.warnings.length, 1);
    });

    it(`stops over ${transport}, red, until a message says where to begin`, async () => {
      await away(transport, "stop");
      await flow.shows(/status.stopped/);
      assert.equal(flow.status().fill, "red");
      publish("new");
      assert.deepEqual(flow.held, []);
      flow.ask({ action: "resume", replayFrom: "all" });
      assert.equal(await next(), "missed");
    });
  }
});
