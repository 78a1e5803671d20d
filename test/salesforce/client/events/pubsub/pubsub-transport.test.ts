import assert from "node:assert/strict";
import type { Emulator } from "../../../../../emulator/src/index";
import type { StartPoint, StreamEvent } from "../../../../../nodes/salesforce/client/events/event-stream";
import type { StreamOptions, TransportName } from "../../../../../nodes/salesforce/client/events/org-streams";
import type { OrgClient } from "../../../../../nodes/salesforce/client/org";
import { clientCredentials, Orgs } from "../../../support";
import { QUICK, Recorder, soon } from "../cometd/support";

const EVENT = {
  name: "Low_Ink__e",
  fields: [
    { name: "Text__c", type: "string" as const }, { name: "Level__c", type: "double" as const }, { name: "At__c", type: "datetime" as const },
    { name: "Yes__c", type: "boolean" as const },
  ],
};
const CHANNEL = "/event/Low_Ink__e";

interface Change {
  ChangeEventHeader: { changedFields: string[]; nulledFields: string[] };
  Phone?: unknown;
}

/** An event without what CometD does not tell: the EventUuid of a change, and what it has emptied; which fields have changed comes in another order. */
function alike({ position: _, eventUuid, ...event }: StreamEvent): object {
  if (event.kind !== "change") return { ...event, eventUuid };
  const { ChangeEventHeader: header, ...fields } = event.payload as Change;
  return { ...event, payload: { ...fields, header: { ...header, nulledFields: [], changedFields: [...header.changedFields].sort() } } };
}

describe("Events by the Pub/Sub API", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;

  before(async () => {
    org = await orgs.start({ schema: [EVENT], changeEvents: ["Account", "Case"], pubsub: { keepAlive: 40, fetchTimeout: 60 } });
  });
  beforeEach(() => (client = connect()));
  afterEach(async () => {
    await client.close();
    org.control.reset();
  });
  after(() => orgs.stop());

  function connect(streams: StreamOptions = {}): OrgClient {
    return orgs.client(clientCredentials(org, { streams: { ...QUICK, pubsubEndpoint: `http://${org.pubsubEndpoint}`, ...streams } }));
  }

  function listen(channel = CHANNEL, start: StartPoint = { from: "new" }, name: TransportName = "pubsub"): Recorder {
    const recorder = new Recorder();
    client.streams.over(name).subscribe(channel, start, recorder);
    return recorder;
  }

  async function publish(count: number, first = 0): Promise<void> {
    const records = Array.from({ length: count }, (_, index) => ({ attributes: { type: "Low_Ink__e" }, Text__c: `t${first + index}` }));
    await client.rest.request({ method: "POST", path: "/composite/sobjects", body: { records } });
  }
  const texts = (count: number, first = 0): string[] => Array.from({ length: count }, (_, index) => `t${first + index}`);

  it("are the same as by CometD, but for the position", async () => {
    const channels = [CHANNEL, "/data/AccountChangeEvent", "/data/ChangeEvents"];
    const pairs = channels.map((channel) => [listen(channel), listen(channel, { from: "new" }, "cometd")] as const);
    for (const recorder of pairs.flat()) await recorder.is("listening");
    const write = <T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: object) => client.rest.request<T>({ method, path: `/sobjects/${path}`, body });
    await write("POST", "Low_Ink__e", { Text__c: "grün", Level__c: 0.25, At__c: "2026-11-20T09:15:31.000Z" });
    const { id } = (await write<{ id: string }>("POST", "Account", { Name: "Acme", Phone: "555", BillingCity: "Bern", AnnualRevenue: 1e6 })).body;
    await write("PATCH", `Account/${id}`, { Phone: null, BillingCity: "Basel", BillingStreet: "1 Rue" });
    await write("DELETE", `Account/${id}`);
    for (const [pubsub, cometd] of pairs) {
      await cometd.has(cometd === pairs[0]?.[1] ? 1 : 3);
      await pubsub.has(cometd.events.length);
      assert.deepEqual(pubsub.events.map(alike), cometd.events.map(alike));
    }
    const { ChangeEventHeader: header, Phone } = pairs[1]?.[0].events[1]?.payload as Change;
    assert.deepEqual([Phone, header.nulledFields, header.changedFields.includes("BillingAddress.City")], [null, ["Phone"], true]);
  });

  it("keep a commit number exact that no number holds", async () => {
    org.control.setCommitNumber({ next: "9007199254740993" });
    const changes = listen("/data/AccountChangeEvent");
    await changes.is("listening");
    await client.rest.request({ method: "POST", path: "/sobjects/Account", body: { Name: "Acme" } });
    await changes.has(1);
    assert.equal((changes.events[0]?.payload as { ChangeEventHeader: { commitNumber: unknown } }).ChangeEventHeader.commitNumber, "9007199254740993");
  });

  it("begin behind a position, with all that is retained, or with what is new", async () => {
    const first = listen();
    await first.is("listening");
    await publish(3);
    await first.has(3);
    const behind = listen(CHANNEL, { from: "after", position: first.events[0]?.position ?? "" });
    const all = listen(CHANNEL, { from: "all" });
    await behind.has(2);
    await soon("all of them", () => all.texts.includes("t2"));
    assert.deepEqual(behind.texts, ["t1", "t2"]);
    assert.deepEqual(all.texts.slice(-3), texts(3));
  });

  it("are told as stale that the org keeps no more, and go on where the listener says", async () => {
    const first = listen();
    await first.is("listening");
    await publish(1);
    await first.has(1);
    org.control.ageEvents();
    const late = new Recorder();
    late.fallback = { from: "all" };
    client.streams.over("pubsub").subscribe(CHANNEL, { from: "after", position: first.events[0]?.position ?? "" }, late);
    await soon("the word", () => late.stale.length === 1);
    await publish(1, 1);
    await late.has(1);
    assert.deepEqual([late.stale[0]?.error.code, late.texts], ["POSITION_STALE", ["t1"]]);
  });

  it("move the position of a quiet channel by idle messages, so that it does not age, over one stream and with one login", async () => {
    const quiet = listen();
    const busy = listen("/data/AccountChangeEvent");
    await busy.is("listening");
    const logins = org.control.stats().logins;
    for (let day = 1; day <= 5; day += 1) {
      await client.rest.request({ method: "POST", path: "/sobjects/Account", body: { Name: "Acme" } });
      await busy.has(day);
      await soon("its position", () => quiet.positions.includes(busy.events.at(-1)?.position ?? ""));
    }
    assert.deepEqual([quiet.kinds, quiet.stale], [["connecting", "listening"], []]);
    assert.deepEqual([org.control.pubsubStreams().length, org.control.stats().logins], [2, logins]);
  });

  it("stay with their listener while it is full, though the server closes the stream, and come when there is room", async () => {
    const recorder = new Recorder();
    recorder.capacity = 2;
    const subscription = client.streams.over("pubsub").subscribe(CHANNEL, { from: "new" }, recorder);
    await recorder.is("listening");
    await publish(5);
    await recorder.is("full");
    await soon("the server's end", () => org.control.pubsubStreams().length === 0);
    await listen("/data/AccountChangeEvent").is("listening"); // what comes behind the end on the same connection
    recorder.capacity = 100;
    subscription.more();
    await recorder.has(5);
    assert.deepEqual(recorder.texts, texts(5));
    assert.ok(!recorder.kinds.includes("waiting"));
  });

  it("come each once and in order, whatever happens to the stream", async () => {
    const recorder = listen();
    await recorder.is("listening");
    const troubles: [what: string, trouble: () => unknown][] = [
      ["connections are cut", () => org.control.killStreams()],
      ["the token expires", () => org.control.expireTokens()],
      ["the service is away", () => org.control.pubsubFault({ code: "service.unavailable", count: 3, open: true })],
      ["streams are ended", () => org.control.killStreams({ how: "end" })],
      ["streams are reset", () => org.control.pubsubFault({ status: 13, message: "Received RST_STREAM with code 0", count: 1, open: true })],
      ["nothing happens", () => undefined],
    ];
    for (const [index, [, trouble]] of troubles.entries()) {
      await publish(100, index * 200);
      await recorder.has(index * 200 + 1); // there is a place to go on from
      trouble();
      await publish(100, index * 200 + 100);
      await recorder.has((index + 1) * 200);
    }
    assert.deepEqual(recorder.texts, texts(1200));
  });

  it("of a channel that is refused wait, while four others go on", async () => {
    const names = ["/event/Nothing__e", CHANNEL, "/data/AccountChangeEvent", "/data/CaseChangeEvent", "/data/ChangeEvents"];
    const [refused, ...others] = names.map((name) => listen(name)) as [Recorder, ...Recorder[]];
    for (const other of others) await other.is("listening");
    await soon("the refusal", () => refused.states.some(({ kind, error }) => kind === "failed" && error?.code === "CHANNEL_UNAVAILABLE"));
    await publish(1);
    await client.rest.request({ method: "POST", path: "/sobjects/Account", body: { Name: "Acme" } });
    await client.rest.request({ method: "POST", path: "/sobjects/Case", body: { Subject: "s" } });
    await Promise.all(others.map((other, index) => other.has(index === 3 ? 2 : 1)));
    assert.ok(others.every(({ kinds }) => !kinds.includes("waiting") && !kinds.includes("failed")));
  });

  it("come again though a stream has gone silent", async () => {
    await client.close();
    client = connect({ silence: 300, patience: 500 });
    const recorder = listen();
    await recorder.is("listening");
    await soon("a sign of life", () => recorder.positions.length > 0);
    await soon("a stream to fall silent", () => org.control.silence().silenced === 1);
    await publish(2);
    await recorder.has(2);
    assert.ok(recorder.states.some(({ error }) => /has sent nothing for/.test(error?.message ?? "")));
  });

  it("leave no stream at the org once the client is closed", async () => {
    listen();
    const other = listen("/data/ChangeEvents");
    await other.is("listening");
    await client.close();
    await soon("the end", () => org.control.pubsubStreams().length === 0);
    const states = other.states.length;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(other.states.length, states);
  });
});
