import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import util from "@node-red/util";
import { held } from "../../services/test-nodes/test-nodes";
import { collectionCalls } from "../support";
import { type Passed, PublishSuite, range, waitFor } from "./publish-flow";

const EVENT = {
  name: "Device_Alert__e",
  fields: [
    { name: "Serial__c", type: "string" as const, required: true }, { name: "At__c", type: "datetime" as const }, { name: "Day__c", type: "date" as const },
    { name: "Level__c", type: "double" as const }, { name: "Urgent__c", type: "boolean" as const }, { name: "Text__c", type: "textarea" as const, length: 131_072 },
  ],
};

describe("salesforce publish by the Pub/Sub API", function () {
  this.timeout(60_000);
  const suite = new PublishSuite({ schema: [EVENT], pubsub: true }, { transport: "pubsub" });

  it("publishes what a message has, and passes on EventUuid and replay id, without an API call", async () => {
    const trigger = await suite.deploy();
    trigger.take({ serial__c: "X1", At__c: new Date("2026-11-20T09:15:31.250Z"), Day__c: "2026-11-20", Level__c: "0.2", Urgent__c: true, Nothing: undefined });
    await waitFor("the message", () => held.length === 1);
    const [event] = suite.org.events("Device_Alert__e");
    assert.deepEqual(event?.payload, { Serial__c: "X1", At__c: "2026-11-20T09:15:31.250+0000", Day__c: "2026-11-20", Level__c: 0.2, Urgent__c: true, Text__c: null });
    assert.match(event?.createdById ?? "", /^005\w{15}$/);
    const { salesforce } = suite.passed[0] as Passed;
    assert.deepEqual([salesforce.success, salesforce.eventUuid, salesforce.replayId, salesforce.errors], [true, event?.eventUuid, String(event?.replayId), []]);
    assert.equal(suite.org.control.stats().apiCalls, 0);
    held.splice(0)[0]?.go();
    await waitFor("the end", () => trigger.settled.length === 1);
    assert.equal(trigger.settled[0]?.settlement.outcome, "accept");
  });

  it("gathers 450 messages into three calls, in their order, and gives each its own EventUuid", async () => {
    const trigger = await suite.deploy();
    for (const Serial__c of range(450)) trigger.take({ Serial__c });
    await waitFor("all", () => held.length === 450);
    assert.deepEqual(suite.serials, range(450));
    const uuids = new Map(suite.org.events().map(({ eventUuid, payload }) => [eventUuid, payload.Serial__c]));
    for (const { payload, salesforce } of suite.passed) assert.equal(uuids.get(salesforce.eventUuid), (payload as { Serial__c: string }).Serial__c);
  });

  it("publishes more than a call of the API takes: 50 events of 125 KB", async () => {
    const trigger = await suite.deploy();
    trigger.take(range(50).map((Serial__c) => ({ Serial__c, Text__c: "x".repeat(125_000) })));
    await waitFor("the list", () => held.length === 1);
    assert.deepEqual(suite.serials, range(50));
    assert.deepEqual(suite.passed[0]?.salesforce.results?.map(({ replayId }) => replayId), suite.org.events().map(({ replayId }) => String(replayId)));
  });

  it("fails only the messages that do not fit the event, and says of each which field is wrong", async () => {
    const trigger = await suite.deploy();
    const wrong: [fields: object, text: RegExp][] = [
      [{ Level__c: 1 }, /Device_Alert__e needs the field Serial__c/],
      [{ Serial__c: null }, /needs the field Serial__c/],
      [{ Serial__c: 7 }, /Serial__c of Device_Alert__e takes text, not 7/],
      [{ Serial__c: "b", Level__c: "much" }, /Level__c of Device_Alert__e takes a number, not "much"/],
      [{ Serial__c: "b", At__c: "yesterday" }, /At__c of Device_Alert__e takes a date and time in ISO 8601, not "yesterday"/],
      [{ Serial__c: "b", Day__c: "20.11.2026" }, /Day__c of Device_Alert__e takes a date in ISO 8601/],
      [{ Serial__c: "b", Urgent__c: "true" }, /Urgent__c of Device_Alert__e takes true or false/],
      [{ Serial__c: "c", Nope__c: 1 }, /Device_Alert__e has no field Nope__c/],
    ];
    trigger.take({ Serial__c: "a" });
    for (const [fields] of wrong) trigger.take(fields);
    trigger.take({ Serial__c: "d" });
    await waitFor("the failed ones", () => trigger.settled.length === wrong.length);
    await waitFor("the others", () => held.length === 2);
    assert.deepEqual(suite.serials, ["a", "d"]);
    const texts = trigger.settled.map(({ settlement: { error, outcome } }) => `${outcome} ${error?.code} ${error?.message}`);
    for (const [, text] of wrong) assert.ok(texts.some((told) => told.startsWith("dead-letter ORG_REFUSED") && text.test(told)), `${text} in ${texts.join("\n")}`);
  });

  it("settles each message by its own result, where the org refuses one", async () => {
    const trigger = await suite.deploy();
    trigger.take({ Serial__c: "a" });
    trigger.take({ Serial__c: "x".repeat(300) });
    trigger.take({ Serial__c: "b" });
    await waitFor("the refused one", () => trigger.settled.length === 1);
    await waitFor("the others", () => held.length === 2);
    assert.equal(trigger.settled[0]?.settlement.error?.code, "ORG_REFUSED");
    assert.deepEqual(suite.serials, ["a", "b"]);
  });

  it("keeps its messages while the org does not know the event that its form names", async () => {
    const trigger = await suite.deploy({ event: "Nothing__e" });
    trigger.take({ Serial__c: "a" });
    await waitFor("the pause", () => trigger.events.some((event) => event.startsWith("hold")));
    assert.equal(trigger.settled.length, 0);
  });

  it("keeps its messages where no way leads to the Pub/Sub API, and says in the log which host and port it needs", async () => {
    const warnings: string[] = [];
    const handler = new EventEmitter().on("log", ({ level, id, msg }: { level: number; id?: string; msg: unknown }) => void (id === "publish" && level === 30 && warnings.push(String(msg))));
    const { log } = util as unknown as { log: Record<"addHandler" | "removeHandler", (handler: object) => void> };
    log.addHandler(handler);
    try {
      const trigger = await suite.deploy({}, "http://127.0.0.1:1");
      trigger.take({ Serial__c: "a" });
      await waitFor("the pause", () => trigger.events.some((event) => event.startsWith("hold")));
      assert.match(warnings.join("\n"), /^ORG_UNAVAILABLE: The Pub\/Sub API at 127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1\. Let Node-RED out to that host and port, or .*HTTPS_PROXY.*$/);
      assert.equal(trigger.settled.length, 0);
    } finally {
      log.removeHandler(handler);
    }
  });

  it("fails a message that names an event which the org does not know", async () => {
    const trigger = await suite.deploy({ event: "payload.Serial__c", eventType: "msg" });
    trigger.take({ Serial__c: "Nothing__e" });
    await waitFor("the end", () => trigger.settled.length === 1);
    assert.equal(trigger.settled[0]?.settlement.error?.code, "ORG_REFUSED");
  });

  it("waits for the next hour when the org takes no more events in this one, and publishes none twice", async () => {
    const trigger = await suite.deploy();
    suite.org.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 30 });
    for (const Serial__c of range(20)) trigger.take({ Serial__c });
    trigger.take(range(20).map((serial) => ({ Serial__c: `list ${serial}` })));
    await waitFor("what could go", () => held.length === 20);
    await waitFor("the pause", () => trigger.events.length > 0);
    assert.deepEqual([suite.serials.length, trigger.settled.length], [30, 0]);
    suite.org.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 1000 });
    await waitFor("the rest", () => held.length === 21);
    assert.deepEqual([suite.serials.length, new Set(suite.serials).size], [40, 40]);
  });

  for (const [what, fault] of [
    ["its token has expired", () => void suite.org.control.expireTokens()],
    ["the service is unavailable for a while", () => suite.org.control.pubsubFault({ code: "service.unavailable", count: 1 })],
    ["the schema cannot be had for a while", () => suite.org.control.pubsubFault({ code: "schema.api.unavailable", count: 1, rpc: "GetSchema" })],
  ] as const) {
    it(`publishes each event once when ${what}`, async () => {
      const trigger = await suite.deploy();
      await waitFor("the sign-in", () => suite.org.control.stats().logins === 1);
      fault();
      trigger.take({ Serial__c: "a" });
      trigger.take({ Serial__c: "b" });
      await waitFor("the messages", () => held.length === 2);
      assert.deepEqual(suite.serials, ["a", "b"]);
    });
  }

  for (const [what, when, stored] of [["before", "before", ["a"]], ["after", "after", ["a", "b"]]] as const) {
    it(`fails a message whose answer was lost ${what} its event was made, to be tried again, and does not publish it once more by itself`, async () => {
      const trigger = await suite.deploy();
      trigger.take({ Serial__c: "a" });
      await waitFor("the first", () => held.length === 1);
      suite.org.control.pubsubFault({ status: 13, message: "Received RST_STREAM with code 2", rpc: "Publish", when });
      trigger.take({ Serial__c: "b" });
      await waitFor("the end", () => trigger.settled.length === 1);
      const error = trigger.settled[0]?.settlement.error;
      assert.deepEqual([error?.code, error?.scope, error?.retryable], ["ORG_UNAVAILABLE", "message", true]);
      assert.match(error?.message ?? "", /; whether the event was made is not known/);
      assert.deepEqual(suite.serials, stored);
    });
  }

  it("publishes what it has before it stops, and leaves no connection", async () => {
    const trigger = await suite.deploy({ linger: 5000 });
    for (const Serial__c of range(30)) trigger.take({ Serial__c });
    await suite.runtime.deploy([]);
    assert.deepEqual(suite.serials, range(30));
    assert.equal(collectionCalls(suite.org), 0);
  });
});
