import assert from "node:assert/strict";
import { keyOf, readMessages, subscribe } from "../../../../../nodes/salesforce/client/events/cometd/bayeux";
import { Cookies } from "../../../../../nodes/salesforce/client/events/cometd/cookies";
import { parseExactly } from "../../../../../nodes/salesforce/client/events/cometd/exact-json";
import { readEvent } from "../../../../../nodes/salesforce/client/events/cometd/read-event";

const LONG = "9007199254740993";

describe("JSON with ids of 64 bits", () => {
  it("keeps them as text, and other numbers as they are", () => {
    const json = `{"a":${LONG},"b":[-${LONG}, 1234567890123456 ,1.${LONG},${LONG}.5,2${LONG}e3],"n":12}`;
    assert.deepEqual(parseExactly(json), { a: LONG, b: [`-${LONG}`, 1234567890123456, Number(`1.${LONG}`), Number(`${LONG}.5`), Number(`2${LONG}e3`)], n: 12 });
  });

  it("leaves what stands in texts alone", () => {
    const value = { text: `${LONG} "${LONG}", \\`, [`k\\"${LONG}`]: `:${LONG}` };
    assert.deepEqual(parseExactly(JSON.stringify(value)), value);
  });

  it("reads texts of megabytes", () => {
    const value = { text: `\\"${LONG}`.repeat(100_000), id: 1 };
    assert.deepEqual(parseExactly(JSON.stringify(value)), value);
  });

  it("are sent as numbers", () => {
    const sent = subscribe("3", "c1", "/topic/Open?Status='New'", LONG);
    assert.ok(sent.includes(`"replay":{"/topic/Open":${LONG}}`), sent);
    assert.equal((JSON.parse(sent) as { subscription: string }).subscription, "/topic/Open?Status='New'");
  });
});

describe("What came over CometD", () => {
  it("is not taken for messages when it is something else", () => {
    for (const body of ["", "<html>", '[{"errorCode":"X"}]', "null", "[1]"]) assert.equal(readMessages(body), undefined);
    assert.deepEqual(readMessages("[]"), []);
    assert.equal(readMessages('{"channel":"/meta/connect"}')?.length, 1);
  });

  it("is told by a channel without its filter", () => {
    assert.equal(keyOf("/topic/Open?Status='New'&Priority='High'"), "/topic/Open");
    assert.equal(keyOf("/event/A__e"), "/event/A__e");
  });

  it("is a PushTopic's record", () => {
    const data = { event: { createdDate: "2026-11-20T16:40:08.208Z", replayId: 13, type: "created" }, sobject: { Id: "500" } };
    assert.deepEqual(readEvent({ channel: "/topic/Open", data }), {
      kind: "topic",
      position: "13",
      replayId: "13",
      type: "created",
      createdDate: "2026-11-20T16:40:08.208Z",
      payload: { Id: "500" },
    });
  });

  it("is a platform event's fields", () => {
    const payload = { CreatedDate: "2023-04-09T18:31:40.517Z", CreatedById: "005", Ink__c: 0.2 };
    const data = { schema: "dff", payload, event: { EventUuid: "2ec0", replayId: LONG } };
    assert.deepEqual(readEvent({ channel: "/event/Low_Ink__e", data }), {
      kind: "event",
      position: LONG,
      replayId: LONG,
      eventUuid: "2ec0",
      schema: "dff",
      createdDate: "2023-04-09T18:31:40.517Z",
      payload,
    });
  });

  it("is a change event's header and fields, with all lists of names", () => {
    const ChangeEventHeader = { entityName: "Account", changeType: "UPDATE", commitTimestamp: 1501010206653, changedFields: ["Phone"] };
    const event = readEvent({ channel: "/data/ChangeEvents", data: { schema: "s", payload: { ChangeEventHeader, Phone: "555" }, event: { replayId: 6421 } } });
    assert.deepEqual(event, {
      kind: "change",
      position: "6421",
      replayId: "6421",
      schema: "s",
      createdDate: "2017-07-25T19:16:46.653Z",
      payload: { ChangeEventHeader: { ...ChangeEventHeader, nulledFields: [], diffFields: [] }, Phone: "555" },
    });
  });

  it("is a generic event's text", () => {
    const event = readEvent({ channel: "/u/x", data: { event: { createdDate: "2026-01-01T00:00:00.000Z", replayId: 1 }, payload: "hello" } });
    assert.deepEqual([event?.kind, event?.payload, event?.createdDate], ["generic", "hello", "2026-01-01T00:00:00.000Z"]);
  });
});

describe("The cookies of a streaming session", () => {
  const after = (...setCookies: string[]): Record<string, string> => {
    const cookies = new Cookies();
    for (const cookie of setCookies) cookies.note({ "set-cookie": cookie });
    return cookies.headers();
  };

  it("are sent back, several of one answer too", () => {
    assert.deepEqual(after("BAYEUX_BROWSER=ab=1; Path=/cometd/; HttpOnly, BrowserId=x; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Secure"), { cookie: "BAYEUX_BROWSER=ab=1; BrowserId=x" });
  });

  it("are replaced and taken back", () => {
    assert.deepEqual(after("a=1, b=1, c=1", "a=2, b=; Max-Age=0, c=; expires=Thu, 01 Jan 1970 00:00:00 GMT"), { cookie: "a=2" });
  });

  it("are not sent when there are none", () => assert.deepEqual(after(), {}));
});
