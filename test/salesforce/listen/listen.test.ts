import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Emulator } from "../../../emulator/src/index";
import { ConnectorError } from "../../../nodes/common/errors";
import { Orgs } from "../support";
import { ListenFlow, waitFor } from "./listen-flow";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const }] };
const CHANNEL = "/event/Device_Alert__e";

describe("salesforce listen in a flow", function () {
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

  const publish = (...serials: string[]): void => void org.control.insert({ object: EVENT.name, records: serials.map((Serial__c) => ({ Serial__c })) });
  const serials = (): unknown[] => flow.held.map(({ msg }) => msg.payload.Serial__c);
  let names = 0;
  /** A listener of its own for each test: what others have stored does not count. */
  const fresh = (more: object = {}): Record<string, unknown> => ({ channel: CHANNEL, listener: `test ${(names += 1)}`, ...more });

  for (const transport of ["cometd", "pubsub"]) {
    describe(`over ${transport}`, () => {
      it("sends each event into the flow once, and after a deploy only what it had not finished", async () => {
        const listener = fresh({ transport, retryDelay: 60_000 });
        await flow.deploy(org, [listener]);
        await flow.shows(/^\/event\/Device_Alert__e$/);
        publish("a", "b", "c");
        const [first, second, third] = await flow.has(3);
        const { topic, salesforce, payload } = first!.msg;
        assert.deepEqual([topic, salesforce.channel, salesforce.transport, payload.Serial__c], [CHANNEL, CHANNEL, transport, "a"]);
        assert.equal(salesforce.eventUuid, org.events(EVENT.name).at(-3)?.eventUuid);
        await flow.shows(/status.flow/);
        first?.fail(new Error("busy"));
        second?.go();
        third?.fail(new Error("busy"));
        flow.held.splice(0);
        await waitFor("the second to be settled", () => flow.openCount() === 2);
        await flow.clear();
        publish("d");
        await flow.deploy(org, [listener]);
        await flow.has(3);
        assert.deepEqual(serials(), ["a", "c", "d"]);
      });

      describe("begun with what is new", () => {
        /** With an event before that is none of its own. */
        const begun = async (): Promise<Record<string, unknown>> => {
          org.control.shiftClock({ ms: -60_000 });
          publish("old");
          org.control.shiftClock({ ms: 60_000 });
          const listener = fresh({ transport });
          await flow.deploy(org, [listener]);
          await flow.shows(/Alert__e$/);
          return listener;
        };

        it("misses nothing when the stream is lost before the first event", async () => {
          await begun();
          org.control.dropStreams();
          org.control.killStreams({ how: "end" });
          publish("lost");
          await flow.has(1);
          assert.deepEqual(serials(), ["lost"]);
        });

        it("misses nothing when it is stopped before the first event", async () => {
          const listener = await begun();
          await flow.clear();
          publish("meanwhile");
          await flow.deploy(org, [listener]);
          await flow.has(1);
          assert.deepEqual(serials(), ["meanwhile"]);
        });
      });
    });
  }

  it("says that its position is lost, and reads all there is", async () => {
    const listener = fresh();
    await flow.deploy(org, [listener]);
    await flow.shows(/^\/event/);
    publish("a");
    await flow.has(1);
    flow.release();
    await flow.shows(/Alert__e$/);
    await flow.clear();
    org.control.ageEvents();
    await flow.deploy(org, [listener]);
    await flow.shows(/status.stale-all/);
    assert.match(flow.warnings.join("\n"), /does not know position \w+ any more: all that it has retained is read/);
    publish("b");
    await flow.has(1);
    assert.deepEqual(serials(), ["b"]);
    await flow.shows(/status.flow/);
  });

  it("is paused and resumed by a message, and misses nothing", async () => {
    await flow.deploy(org, [fresh({ inputs: 1 })]);
    await flow.shows(/^\/event/);
    flow.ask({ action: "pause" });
    await flow.shows(/paused/);
    publish("a");
    flow.ask({ action: "resume" });
    await flow.has(1);
    assert.deepEqual(serials(), ["a"]);
  });

  it("puts what can never work out at its second output, and moves on behind it", async () => {
    const listener = fresh();
    await flow.deploy(org, [listener]);
    await flow.shows(/^\/event/);
    publish("bad");
    const [bad] = await flow.has(1);
    flow.held.splice(0);
    bad?.fail(new ConnectorError("INPUT_INVALID", "no such device"));
    const [letter] = await flow.has(1);
    assert.deepEqual([letter?.msg.error?.code, letter?.msg.payload.Serial__c], ["INPUT_INVALID", "bad"]);
  });

  it("makes the PushTopic it listens to, and hears of the records that match it", async () => {
    const topic = { declareTopic: true, topicQuery: "SELECT Id, Subject FROM Case WHERE Origin = 'Web'", topicOperations: ["create"], topicFields: "All" };
    await flow.deploy(org, [fresh({ ...topic, channel: "/topic/WebCases?Subject='hot'" })]);
    await flow.shows(/^\/topic\/WebCases/);
    const records = ["hot", "cold"].flatMap((Subject) => ["Web", "Phone"].map((Origin) => ({ Subject, Origin })));
    const { ids } = org.control.insert({ object: "Case", records });
    const [first] = await flow.has(1);
    assert.deepEqual([first?.msg.payload, first?.msg.topic, org.records("PushTopic").length], [{ Id: ids[0], Subject: "hot" }, "/topic/WebCases", 1]);
  });

  it("says what the org has against its PushTopic", async () => {
    await flow.deploy(org, [fresh({ channel: "/topic/Odd", declareTopic: true, topicQuery: "SELECT Id, No_Field__c FROM Case" })]);
    await flow.shows(/The org refuses the PushTopic Odd/);
    assert.equal(flow.status().fill, "red");
  });

  it("shows what is wrong with the login, as the other nodes do", async () => {
    await flow.deploy(org, [fresh()], { clientSecret: "wrong" });
    await flow.shows(/sign-in|refused|invalid/i);
    assert.equal(flow.status().fill, "red");
  });

  it("shows that a channel is not there, and what the org says", async () => {
    await flow.deploy(org, [fresh({ channel: "/event/Nothing__e" }), fresh()]);
    await flow.shows(/Nothing__e/);
    await flow.shows(/^\/event\/Device/, "listen1");
    assert.equal(flow.status().fill, "red");
    assert.match(flow.warnings.join("\n"), /Nothing__e: no events come at present: CHANNEL_UNAVAILABLE/);
  });

  describe("with a database for its position", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "surewire-listen-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const database = { id: "db", type: "surewire-sql-database", z: "tab", engine: "sqlite", file: path.join(folder, "positions.db"), connectionString: "", dialect: "auto" };

    it("lets another instance stand by, and go on where the first has stopped", async () => {
      const listener = fresh({ store: "db", standby: true, leaseTime: 3 });
      await flow.deploy(org, [listener], { others: [database] });
      await flow.shows(/^\/event/);
      await flow.deploy(org, [listener, listener], { others: [database] });
      await waitFor("one to listen, one to stand by", () => [flow.status("listen").text, flow.status("listen1").text].sort().join() === `${CHANNEL},listen.status.standby`);
      const [active] = ["listen", "listen1"].filter((id) => flow.status(id).text === CHANNEL);
      publish("a");
      await flow.has(1);
      flow.release();
      await waitFor("its end", () => flow.status(active).text === CHANNEL);
      const left = { ...listener, id: active === "listen" ? "listen1" : "listen" };
      await flow.deploy(org, [left], { others: [database] });
      publish("b");
      await flow.has(1);
      assert.deepEqual(serials(), ["b"]);
    });
  });
});
