import assert from "node:assert/strict";
import { ListenSuite } from "./listen-flow";

describe("salesforce listen with a position that its org has forgotten", function () {
  this.timeout(60_000);
  const suite = new ListenSuite();
  const { flow } = suite;

  /** Takes `seen`, is away while the org forgets it and what was `missed` comes, and is back. */
  async function away(transport: string, staleReplay: string, ...missed: string[]): Promise<void> {
    const listener = suite.fresh({ transport, staleReplay });
    await suite.listening(listener);
    suite.publish("seen");
    await flow.has(1);
    flow.release();
    await flow.shows(/Alert__e$/);
    await flow.clear();
    suite.org.control.ageEvents();
    suite.publish(...missed);
    await suite.deploy(listener);
  }

  const next = async (): Promise<unknown> => {
    const [first] = await flow.has(1);
    return first?.msg.payload.Serial__c;
  };

  it("shows so until the next event comes", async () => {
    await away("cometd", "all");
    await flow.shows(/status.stale-all/);
    suite.publish("next");
    assert.equal(await next(), "next");
    await flow.shows(/status.flow/);
  });

  for (const transport of ["cometd", "pubsub"]) {
    it(`reads all there is over ${transport}, and says so`, async () => {
      await away(transport, "all", "missed");
      assert.equal(await next(), "missed");
      assert.match(flow.warnings.join("\n"), /does not know position \w+ any more: all that it has retained is read/);
    });

    it(`reads only what is new over ${transport}, and says so`, async () => {
      await away(transport, "new", "missed");
      await flow.shows(/status.stale-new/);
      suite.publish("new");
      assert.equal(await next(), "new");
      assert.equal(flow.warnings.length, 1);
    });

    it(`stops over ${transport}, red, until a message says where to begin`, async () => {
      await away(transport, "stop", "missed");
      await flow.shows(/status.stopped/);
      assert.equal(flow.status().fill, "red");
      suite.publish("new");
      assert.deepEqual(flow.held, []);
      flow.ask({ action: "resume", replayFrom: "all" });
      assert.equal(await next(), "missed");
    });
  }
});
