import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ConnectorError } from "../../../nodes/common/errors";
import { CHANNEL, EVENT, ListenSuite, openCount, waitFor } from "./listen-flow";

describe("salesforce listen in a flow", function () {
  this.timeout(60_000);
  const suite = new ListenSuite();
  const { flow } = suite;

  for (const transport of ["cometd", "pubsub"]) {
    describe(`over ${transport}`, () => {
      it("sends each event into the flow once, and after a deploy only what it had not finished", async () => {
        const listener = await suite.listening(suite.fresh({ transport, retryDelay: 60_000 }));
        suite.publish("a", "b", "c");
        const [first, second, third] = await flow.has(3);
        const { topic, salesforce, payload } = first!.msg;
        assert.deepEqual([topic, salesforce.channel, salesforce.transport, payload.Serial__c], [CHANNEL, CHANNEL, transport, "a"]);
        assert.equal(salesforce.eventUuid, suite.org.events(EVENT.name).at(-3)?.eventUuid);
        await flow.shows(/status.flow/);
        first?.fail(new Error("busy"));
        second?.go();
        third?.fail(new Error("busy"));
        flow.held.splice(0);
        await waitFor("the second to be settled", () => openCount() === 2);
        await flow.clear();
        suite.publish("d");
        await suite.deploy(listener);
        await flow.has(3);
        assert.deepEqual(suite.serials, ["a", "c", "d"]);
      });

      describe("begun with what is new", () => {
        /** With an event before that is none of its own. */
        const begun = (): Promise<Record<string, unknown>> => {
          suite.org.control.shiftClock({ ms: -60_000 });
          suite.publish("old");
          suite.org.control.shiftClock({ ms: 60_000 });
          return suite.listening(suite.fresh({ transport }));
        };

        it("misses nothing when the stream is lost before the first event", async () => {
          await begun();
          suite.org.control.dropStreams();
          suite.org.control.killStreams({ how: "end" });
          suite.publish("lost");
          await flow.has(1);
          assert.deepEqual(suite.serials, ["lost"]);
        });

        it("misses nothing when it is stopped before the first event", async () => {
          const listener = await begun();
          await flow.clear();
          suite.publish("meanwhile");
          await suite.deploy(listener);
          await flow.has(1);
          assert.deepEqual(suite.serials, ["meanwhile"]);
        });
      });
    });
  }

  it("takes what also leads to a disabled node for finished, though it came to listen only when flows had long started", async () => {
    await flow.deploy(suite.org, [suite.fresh({ wires: [["end", "off"], ["letters"]] })], { others: [{ id: "off", type: "test-see", d: true }] });
    await flow.shows(/Alert__e$/);
    suite.publish("a");
    await flow.has(1);
    flow.release();
    await waitFor("it to be settled", () => openCount() === 0);
    await flow.shows(/Alert__e$/);
  });

  it("is paused and resumed by a message, and misses nothing", async () => {
    await suite.listening(suite.fresh({ inputs: 1 }));
    flow.ask({ action: "pause" });
    await flow.shows(/paused/);
    suite.publish("a");
    flow.ask({ action: "resume" });
    await flow.has(1);
    assert.deepEqual(suite.serials, ["a"]);
  });

  it("sends what can never work to its second output, and goes on after it", async () => {
    await suite.listening();
    suite.publish("bad");
    const [bad] = await flow.has(1);
    flow.held.splice(0);
    bad?.fail(new ConnectorError("INPUT_INVALID", "no such device"));
    const [letter] = await flow.has(1);
    assert.deepEqual([letter?.msg.error?.code, letter?.msg.payload.Serial__c], ["INPUT_INVALID", "bad"]);
  });

  it("shows what is wrong with the login, as the other nodes do", async () => {
    await flow.deploy(suite.org, [suite.fresh()], { clientSecret: "wrong" });
    await flow.shows(/sign-in|refused|invalid/i);
    assert.equal(flow.status().fill, "red");
  });

  it("shows that a channel is not there, and what the org says", async () => {
    await suite.deploy(suite.fresh({ channel: "/event/Nothing__e" }), suite.fresh());
    await flow.shows(/Nothing__e/);
    await flow.shows(/^\/event\/Device/, "listen1");
    assert.equal(flow.status().fill, "red");
    assert.match(flow.warnings.join("\n"), /^CHANNEL_UNAVAILABLE: \/event\/Nothing__e: no events come at present: /m);
  });

  describe("with a database for its position", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "surewire-listen-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const others = [{ id: "db", type: "surewire-sql-database", z: "tab", engine: "sqlite", file: path.join(folder, "positions.db"), connectionString: "", dialect: "auto" }];

    it("lets another instance stand by, and go on where the first has stopped", async () => {
      const listener = suite.fresh({ store: "db", standby: true, leaseTime: 3 });
      await flow.deploy(suite.org, [listener], { others });
      await flow.shows(/^\/event/);
      await flow.deploy(suite.org, [listener, listener], { others });
      await waitFor("one to listen, one to stand by", () => [flow.status("listen").text, flow.status("listen1").text].sort().join() === `${CHANNEL},listen.status.standby`);
      const [active] = ["listen", "listen1"].filter((id) => flow.status(id).text === CHANNEL);
      suite.publish("a");
      await flow.has(1);
      flow.release();
      await waitFor("its end", () => flow.status(active).text === CHANNEL);
      const left = { ...listener, id: active === "listen" ? "listen1" : "listen" };
      await flow.deploy(suite.org, [left], { others });
      suite.publish("b");
      await flow.has(1);
      assert.deepEqual(suite.serials, ["b"]);
    });
  });
});
