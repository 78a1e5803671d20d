import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import util from "@node-red/util";
import { held } from "../../services/test-nodes/test-nodes";
import { collectionCalls } from "../support";
import { PublishSuite, range, waitFor } from "./publish-flow";

const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const, required: true }, { name: "At__c", type: "datetime" as const }, { name: "Level__c", type: "double" as const }] };

describe("salesforce publish in a flow", function () {
  this.timeout(60_000);
  const suite = new PublishSuite({ schema: [EVENT] });

  it("publishes an event for a message, and passes on the EventUuid it will be delivered with", async () => {
    const trigger = await suite.deploy();
    trigger.take({ Serial__c: "X1", At__c: new Date("2026-11-20T09:15:31Z"), Level__c: 0.2, attributes: { type: "ignored" }, Nothing: undefined });
    await waitFor("the message", () => held.length === 1);
    const [event] = suite.org.events("Device_Alert__e");
    assert.deepEqual(event?.payload, { Serial__c: "X1", At__c: "2026-11-20T09:15:31.000+0000", Level__c: 0.2 });
    assert.deepEqual({ ...suite.passed[0]?.salesforce, id: "" }, { id: "", success: true, eventUuid: event?.eventUuid, errors: [] });
    held.splice(0)[0]?.go();
    await waitFor("the end", () => trigger.settled.length === 1);
    assert.equal(trigger.settled[0]?.settlement.outcome, "accept");
  });

  it("gathers 450 messages into three calls, in their order, and gives each its own EventUuid", async () => {
    const trigger = await suite.deploy();
    for (const Serial__c of range(450)) trigger.take({ Serial__c });
    await waitFor("all", () => held.length === 450);
    assert.deepEqual(suite.serials, range(450));
    assert.equal(collectionCalls(suite.org), 3);
    const uuids = new Map(suite.org.events().map(({ eventUuid, payload }) => [eventUuid, payload.Serial__c]));
    for (const { payload, salesforce } of suite.passed) assert.equal(uuids.get(salesforce.eventUuid), (payload as { Serial__c: string }).Serial__c);
  });

  it("publishes a list of any length, with a list of results", async () => {
    const trigger = await suite.deploy();
    trigger.take(range(450).map((Serial__c) => ({ Serial__c })));
    trigger.take([]);
    await waitFor("both", () => held.length === 2);
    assert.deepEqual(suite.passed[0]?.salesforce.results?.map(({ eventUuid }) => eventUuid), suite.org.events().map(({ eventUuid }) => eventUuid));
    assert.deepEqual(suite.passed[1]?.salesforce, { results: [] });
    assert.equal(collectionCalls(suite.org), 3);
  });

  it("takes the event's name and data from where the message has them", async () => {
    const trigger = await suite.deploy({ event: '"Device_Alert__" & "e"', eventType: "jsonata", fields: "payload.data" });
    trigger.take({ data: { Serial__c: "X1" } });
    await waitFor("the message", () => held.length === 1);
    assert.deepEqual(suite.serials, ["X1"]);
  });

  it("fails only the message that the org refuses", async () => {
    const trigger = await suite.deploy();
    trigger.take({ Serial__c: "a" });
    trigger.take({ Level__c: 1 });
    trigger.take({ Serial__c: "b", Level__c: "much" });
    trigger.take({ Serial__c: "c", Nope__c: 1 });
    trigger.take({ Serial__c: "d" });
    await waitFor("the failed ones", () => trigger.settled.length === 3);
    await waitFor("the others", () => held.length === 2);
    assert.deepEqual(suite.serials.sort(), ["a", "d"]);
    assert.deepEqual([...new Set(trigger.settled.map(({ settlement }) => `${settlement.outcome} ${settlement.error?.code}`))], ["dead-letter ORG_REFUSED"]);
  });

  for (const [what, payload, more, code] of [
    ["data that is no object", "text", {}, "INPUT_INVALID"],
    ["a list with something else in it", [{ Serial__c: "a" }, 5], {}, "INPUT_INVALID"],
    ["an object in a field", { Serial__c: { deep: [1] } }, {}, "INPUT_INVALID"],
    ["a name that is no platform event's", { Serial__c: "a" }, { event: "payload.Serial__c", eventType: "msg" }, "INPUT_INVALID"],
    ["a name of its own that the org does not know", { Serial__c: "Nothing__e" }, { event: "payload.Serial__c", eventType: "msg" }, "ORG_REFUSED"],
    ["more than 1 MB", { Serial__c: "x".repeat(1024 * 1024) }, {}, "PAYLOAD_TOO_LARGE"],
    ["a form without a platform event", { Serial__c: "a" }, { event: "Device_Alert__c" }, "NOT_CONFIGURED"],
  ] as const) {
    it(`fails a message with ${what}`, async () => {
      const trigger = await suite.deploy(more);
      trigger.take(payload);
      await waitFor("the end", () => trigger.settled.length === 1);
      assert.equal(trigger.settled[0]?.settlement.error?.code, code);
      assert.deepEqual(suite.serials, []);
    });
  }

  it("keeps its messages while the org does not know the event that its form names", async () => {
    const trigger = await suite.deploy({ event: "Nothing__e" });
    trigger.take({ Serial__c: "a" });
    await waitFor("the pause", () => trigger.events.some((event) => event.startsWith("hold") && event.includes("Nothing__e")));
    assert.equal(trigger.settled.length, 0);
  });

  it("waits for the next hour when the org takes no more events in this one, and publishes none twice", async () => {
    const trigger = await suite.deploy();
    suite.org.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 30 });
    for (const Serial__c of range(20)) trigger.take({ Serial__c });
    trigger.take(range(20).map((serial) => ({ Serial__c: `list ${serial}` })));
    await waitFor("the pause", () => trigger.events.length > 0);
    await waitFor("what could go", () => held.length === 20);
    assert.equal(suite.serials.length, 30);
    assert.equal(trigger.settled.length, 0);
    suite.org.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 1000 });
    await waitFor("the rest", () => held.length === 21);
    assert.equal(suite.serials.length, 40);
    assert.equal(new Set(suite.serials).size, 40);
    assert.equal(suite.passed.find(({ salesforce }) => salesforce.results)?.salesforce.results?.length, 20);
  });

  for (const [what, fault] of [
    ["its token has expired", () => void suite.org.control.expireTokens()],
    ["the org is unavailable for a while", () => suite.org.control.unavailable({ ms: 200 })],
    ["it is over the limit of calls at once", () => suite.org.control.requestLimit({ kind: "concurrent", ms: 200 })],
  ] as const) {
    it(`publishes each event when ${what}`, async () => {
      const trigger = await suite.deploy();
      await waitFor("the sign-in", () => suite.org.control.stats().logins === 1);
      fault();
      trigger.take({ Serial__c: "a" });
      trigger.take({ Serial__c: "b" });
      await waitFor("the messages", () => held.length === 2);
      assert.deepEqual(suite.serials, ["a", "b"]);
    });
  }

  for (const [when, published] of [
    ["before", []],
    ["after", ["a"]],
  ] as const) {
    it(`fails a message whose connection broke ${when} the org acted, to be tried again, and does not publish it once more by itself`, async () => {
      const trigger = await suite.deploy();
      await waitFor("the sign-in", () => suite.org.control.stats().logins === 1);
      suite.org.control.resetConnections({ when });
      trigger.take({ Serial__c: "a" });
      await waitFor("the end", () => trigger.settled.length === 1);
      const error = trigger.settled[0]?.settlement.error;
      assert.deepEqual([error?.code, error?.scope, error?.retryable], ["ORG_UNAVAILABLE", "message", true]);
      assert.match(error?.message ?? "", /; whether the event was made is not known/);
      assert.deepEqual(suite.serials, published);
    });
  }

  it("publishes what it has before it stops", async () => {
    const trigger = await suite.deploy({ linger: 5000 });
    for (const Serial__c of range(30)) trigger.take({ Serial__c });
    await suite.runtime.deploy([]);
    assert.deepEqual(suite.serials, range(30));
  });

  it("shows how its org stands when it is put to one that others use already", async () => {
    const events = (util as unknown as { events: EventEmitter }).events;
    const fills = new Map<string, string | undefined>();
    const note = ({ id, status }: { id: string; status: { fill?: string } }): unknown => fills.set(id, status.fill);
    const org = { id: "org", type: "surewire-salesforce-org", z: "tab", loginUrl: suite.org.url, flow: "client-credentials" }; // without a consumer key
    const publish = (id: string) => ({ id, type: "surewire-salesforce-publish", org: "org", event: "Device_Alert__e", wires: [[]] });
    events.on("node-status", note);
    try {
      await suite.runtime.fresh([org, publish("first")]);
      await waitFor("the org's trouble", () => fills.get("first") === "red");
      await suite.runtime.deploy([org, publish("first"), publish("late")], "nodes");
      await waitFor("the same at the new node", () => fills.get("late") === "red");
    } finally {
      events.off("node-status", note);
    }
  });
});
