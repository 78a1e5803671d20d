import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { type EventItem, EventWriter } from "../../../../nodes/salesforce/client/events/event-writer";
import { RecordWriter } from "../../../../nodes/salesforce/client/records/record-writer";
import type { RestCalls, RestRequest } from "../../../../nodes/salesforce/client/rest";

const writing = (rest: RestCalls, fixed: boolean): EventWriter => new EventWriter(new RecordWriter(rest, { what: "event" }), fixed);

interface Sent {
  type: string;
  key: string;
}

/** An org that answers each event by its key. */
function org(refusal: (key: string) => string | undefined = () => undefined): { rest: RestCalls; calls: Sent[][] } {
  const calls: Sent[][] = [];
  const request = (sent: RestRequest): Promise<never> => {
    const { records } = JSON.parse(String(sent.body)) as { records: { attributes: { type: string }; Key__c: string }[] };
    calls.push(records.map(({ attributes, Key__c }) => ({ type: attributes.type, key: Key__c })));
    const body = records.map(({ Key__c }) => {
      const code = refusal(Key__c);
      if (code) return { success: false, errors: [{ statusCode: code, message: "no", fields: [] }] };
      return { id: "e00000000000001AAA", success: true, errors: [{ statusCode: "OPERATION_ENQUEUED", message: `uuid-${Key__c}`, fields: [] }] };
    });
    return Promise.resolve({ status: 200, headers: {}, body } as never);
  };
  return { rest: { request }, calls };
}

const item = (keys: string[], event = "A__e", more: object = {}): EventItem => ({ event, events: keys.map((Key__c) => ({ Key__c, ...more })), isList: keys.length !== 1 });
const range = (count: number, prefix = ""): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe("Events", () => {
  it("go in their order, 200 of one name in a call", async () => {
    const { rest, calls } = org();
    const outcomes = await writing(rest, true).write([item(range(150, "a")), item(["b"], "B__e"), item(range(250, "c"))]);
    assert.deepEqual(calls.map((call) => [call[0]?.type, call.length]), [["A__e", 150], ["B__e", 1], ["A__e", 200], ["A__e", 50]]);
    assert.deepEqual(outcomes[1], { ok: true, value: { id: "e00000000000001AAA", success: true, eventUuid: "uuid-b", errors: [] } });
  });

  it("go in calls of at most 3 MB, and not at all over 1 MB", async () => {
    const { rest, calls } = org();
    const text = "x".repeat(900 * 1024);
    const outcomes = await writing(rest, true).write([item(range(5), "A__e", { Text__c: text }), item(["big"], "A__e", { Text__c: text.repeat(2) })]);
    assert.deepEqual(calls.map((call) => call.length), [3, 2]);
    assert.deepEqual(outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.error.code)), ["ok", "PAYLOAD_TOO_LARGE"]);
  });

  it("of a list fail it with the place of the first that was refused", async () => {
    const { rest } = org((key) => (key === "1" || key === "2" ? "INVALID_FIELD" : undefined));
    const [outcome] = await writing(rest, true).write([item(range(4))]);
    assert.ok(outcome && !outcome.ok);
    assert.deepEqual([outcome.error.code, outcome.error.details.index], ["ORG_REFUSED", 1]);
    assert.match(outcome.error.message, /^Event 2 of 4: .*; others of this message may be published/);
  });

  it("that the hour has no room for wait, and the rest is not asked for; the next try publishes only what is left", async () => {
    let full = true;
    const { rest, calls } = org((key) => (full && key >= "2" ? "LIMIT_EXCEEDED" : undefined));
    const writer = writing(rest, true);
    const list = item(range(4));
    const later = item(["b"], "B__e");
    const outcomes = await writer.write([list, later]);
    assert.deepEqual(outcomes.map((outcome) => !outcome.ok && [outcome.error.code, outcome.error.scope]), [["ORG_LIMIT", "system"], ["ORG_LIMIT", "system"]]);
    assert.equal(calls.length, 1);
    full = false;
    const again = await writer.write([list, later]);
    assert.deepEqual(calls.slice(1).map((call) => call.map(({ key }) => key)), [["2", "3"], ["b"]]);
    assert.ok(again[0]?.ok && "results" in again[0].value);
    assert.deepEqual(again[0].value.results.map(({ eventUuid }) => eventUuid), ["uuid-0", "uuid-1", "uuid-2", "uuid-3"]);
  });

  for (const code of ["PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "PLATFORM_EVENT_ENCRYPTION_ERROR"]) {
    it(`that the org can publish for nobody wait: ${code}`, async () => {
      const { rest, calls } = org(() => code);
      const outcomes = await writing(rest, true).write([item(["a"]), item(["b"], "B__e")]);
      assert.deepEqual(outcomes.map((outcome) => !outcome.ok && [outcome.error.code, outcome.error.scope]), [["ORG_UNAVAILABLE", "system"], ["ORG_UNAVAILABLE", "system"]]);
      assert.equal(calls.length, 1);
    });
  }

  it("of a name that the org does not know are everybody's trouble when the node names it, else their message's", async () => {
    const request = (): Promise<never> => Promise.reject(new ConnectorError("ORG_OBJECT_UNKNOWN", "INVALID_TYPE: not supported"));
    const scopes: unknown[] = [];
    for (const fixed of [true, false]) {
      const [outcome] = await writing({ request }, fixed).write([item(["a"])]);
      scopes.push(outcome && !outcome.ok && outcome.error.scope);
    }
    assert.deepEqual(scopes, ["system", "message"]);
  });
});
