import assert from "node:assert/strict";
import { control } from "../../../nodes/salesforce/listen/listen-control";
import { type ListenDef, readSettings } from "../../../nodes/salesforce/listen/settings";

const read = (def: Partial<ListenDef>) => readSettings({ id: "n1", org: "org", channel: "/event/A__e", ...def });

describe("the settings of a salesforce listen", () => {
  it("have defaults for all but the channel", () => {
    assert.deepEqual(read({}), {
      ...{ transport: "cometd", channel: "/event/A__e", replayFrom: "stored", staleReplay: "all", maxInFlight: 200, dedupeWindow: 10_000, listener: "n1", store: "", standby: false, leaseTime: 30_000, poisonLimit: 3 },
      ...{ startPaused: false, settle: "flow", deadline: 1_500_000, retries: 5, retryDelay: 1_000, retryMaxDelay: 300_000 },
    });
  });

  for (const channel of ["/event/A__e", "/event/A__chn", "/data/ChangeEvents", "/data/A__ChangeEvent", "/topic/Open", "/topic/Open?Status='New'&Origin='Web'", "/u/notices", "/u/notifications/ExampleUserChannel"]) {
    it(`take the channel ${channel}`, () => assert.equal(read({ channel: ` ${channel} ` }).channel, channel));
  }

  for (const channel of ["", "A__e", "/event/", "/event/A/B", "/events/A__e", "/event/A__e?Serial__c='1'", "/u/", "/u/notices/"]) {
    it(`refuse the channel "${channel}"`, () => assert.throws(() => read({ channel }), { code: "NOT_CONFIGURED" }));
  }

  it("refuse over the Pub/Sub API what comes by CometD only", () => {
    assert.equal(read({ transport: "pubsub", channel: "/data/ChangeEvents" }).transport, "pubsub");
    assert.throws(() => read({ transport: "pubsub", channel: "/topic/Open" }), /platform events .* change events .* only/);
  });

  it("refuse a standby without a database", () => {
    assert.throws(() => read({ standby: true }), { code: "NOT_CONFIGURED" });
    assert.equal(read({ standby: true, store: "db", leaseTime: "10" }).leaseTime, 10_000);
  });

  it("have a PushTopic when the node is to make it, named by the channel", () => {
    const def = { declareTopic: true, topicQuery: " SELECT Id FROM Case ", topicOperations: ["create", "delete"], topicFields: "All" };
    assert.deepEqual(read({ ...def, channel: "/topic/Open?Status='New'" }).topic, { name: "Open", query: "SELECT Id FROM Case", operations: ["create", "delete"], fields: "All" });
    assert.equal(read(def).topic, undefined);
    assert.throws(() => read({ ...def, channel: "/topic/Open", topicQuery: "" }), /needs its query/);
    assert.throws(() => read({ ...def, channel: "/topic/Open", topicOperations: [] }), /something to tell of/);
  });
});

describe("a message to a salesforce listen", () => {
  const asked = (message: object): unknown[] => {
    const calls: unknown[] = [];
    control({ pause: (...given) => void calls.push("pause", ...given), resume: (...given) => void calls.push("resume", ...given) }, message);
    return calls;
  };

  it("pauses it, resumes it, and says where to begin", () => {
    assert.deepEqual([asked({ action: "pause" }), asked({ action: "resume" }), asked({ action: "resume", replayFrom: "all" })], [["pause", "asked"], ["resume", "asked"], ["resume", "asked", "all"]]);
  });

  it("that asks for anything else fails", () => {
    assert.throws(() => asked({ action: "stop" }), /must be "pause" or "resume": stop/);
    assert.throws(() => asked({}), { code: "INPUT_INVALID" });
    assert.throws(() => asked({ action: "resume", replayFrom: 5 }), /msg.replayFrom must be/);
  });
});
