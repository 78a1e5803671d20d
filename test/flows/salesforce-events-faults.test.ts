import { NodeRed } from "../services/node-red";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { COUNT, scaled } from "./bridge";
import { EventRun } from "./event-run";

/** Six faults, and Node-RED's death. */
const SHARE = Math.ceil(COUNT / 7);

describe("Salesforce events to a queue, while things break", function () {
  this.timeout(scaled(180_000));
  let run: EventRun;
  const nodeRed = new NodeRed();

  before(async () => {
    const [rabbit] = await Promise.all([sharedRabbit(), nodeRed.start()]);
    run = await EventRun.start(rabbit, "events");
    await nodeRed.deploy(run.flow());
    await run.untilListening();
  });
  after(async () => {
    await nodeRed.stop();
    await run?.stop();
  });

  const faults: [string, () => unknown][] = [
    ["the token expires", () => run.org.control.expireTokens()],
    ["the sessions are dropped", () => (run.org.control.dropStreams(), run.org.control.killStreams({ how: "end" }))],
    [
      "the org answers 503 for 5 s",
      async () => {
        const end = Date.now() + 5_000;
        run.org.control.unavailable({ ms: 5_000 });
        run.org.control.streamFault({ kind: "busy" });
        run.org.control.pubsubFault({ code: "service.unavailable", open: true, count: 1_000_000 });
        await waitFor("the outage to end", () => Date.now() >= end);
        run.org.control.clearFaults();
      },
    ],
    ["connections are reset", () => (run.org.control.dropStreams({ cut: true }), run.org.control.killStreams(), run.org.control.resetConnections({ count: 3, kind: "streaming" }))],
    ["Node-RED is deployed anew", () => nodeRed.deploy(run.flow())],
    ["it is deployed anew twice in a row", async () => (await nodeRed.deploy(run.flow()), nodeRed.deploy(run.flow()))],
  ];
  for (const [what, strike] of faults) {
    it(`each comes exactly once while ${what}`, async () => {
      await run.publishWhile(SHARE, strike);
      await run.untilArrived();
      run.assertEachOnce();
    });
  }

  it("each comes at least once while Node-RED is killed and started again", async () => {
    await run.publishWhile(SHARE, () => nodeRed.kill());
    await nodeRed.start();
    await run.untilArrived();
    await run.assertAllArrived();
  });
});
