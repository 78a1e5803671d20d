import assert from "node:assert/strict";
import { Connection } from "jsforce";
import { StreamingExtension } from "jsforce/lib/api/streaming";
import { startEmulator, type Emulator } from "../../src/index";
import { login } from "../helpers";

const ALERT = { name: "Device_Alert__e", platformEvent: true, fields: [{ name: "Serial__c", type: "string" as const }] };
const CHANNEL = "/event/Device_Alert__e";

/** Messages as they come in, and a wait for the next ones. */
class Inbox<T> {
  private readonly messages: T[] = [];
  private wake = (): void => undefined;

  readonly listener = (message: object): void => {
    this.messages.push(message as T);
    this.wake();
  };

  /** The next so many, in order. */
  async next(count: number): Promise<T[]> {
    while (this.messages.length < count) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.messages.splice(0, count);
  }
}

interface Alert {
  payload: { Serial__c: string };
  event: { replayId: number };
}

describe("jsforce's streaming, as it comes from npm", function () {
  let emulator: Emulator;
  let connection: Connection;
  const ends: (() => unknown)[] = [];

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT], cometd: { timeout: 2000, maxInterval: 5000 } });
  });
  beforeEach(async () => {
    emulator.control.reset();
    connection = new Connection({ instanceUrl: emulator.url, accessToken: await login(emulator), version: "66.0" });
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });
  after(() => emulator.stop());

  const publish = (...serials: string[]): void => {
    emulator.control.insert({ object: "Device_Alert__e", records: serials.map((Serial__c) => ({ Serial__c })) });
  };
  const serials = (alerts: Alert[]): string[] => alerts.map(({ payload }) => payload.Serial__c);

  /** A client with extensions, which is disconnected behind the test. */
  function open(...extensions: object[]): ReturnType<Connection["streaming"]["createClient"]> {
    const client = connection.streaming.createClient(extensions as never);
    // its types leave the method out
    ends.push(() => (client as unknown as { disconnect(): void }).disconnect());
    return client;
  }

  it("receives events by one client, all that are retained first", async () => {
    publish("a", "b");
    const inbox = new Inbox<Alert>();
    await open(new StreamingExtension.Replay(CHANNEL, -2)).subscribe(CHANNEL, inbox.listener);
    assert.deepEqual(serials(await inbox.next(2)), ["a", "b"]);
    publish("c");
    assert.deepEqual(serials(await inbox.next(1)), ["c"]);
  });

  it("publishes events, alone and several at once, and receives them by the EventUuid it was told", async () => {
    const inbox = new Inbox<Alert & { event: { EventUuid: string } }>();
    await open().subscribe(CHANNEL, inbox.listener);
    const one = await connection.sobject("Device_Alert__e").create({ Serial__c: "a" });
    const more = await connection.sobject("Device_Alert__e").create([{ Serial__c: "b" }, { Serial__c: "c" }]);
    const received = await inbox.next(3);
    assert.deepEqual(serials(received), ["a", "b", "c"]);
    const told = [one, ...more].map(({ errors }) => (errors as { message: string }[])[0]?.message);
    assert.deepEqual(received.map(({ event }) => event.EventUuid), told);
  });

  it("goes on behind a replay id, and finds its way back when it is not known any more", async () => {
    publish("a", "b", "c");
    const inbox = new Inbox<Alert>();
    await open(new StreamingExtension.Replay(CHANNEL, emulator.events()[1]!.replayId)).subscribe(CHANNEL, inbox.listener);
    assert.deepEqual(serials(await inbox.next(1)), ["c"]);
    emulator.control.dropStreams();
    publish("d");
    assert.deepEqual(serials(await inbox.next(1)), ["d"], "its extension asks for what is behind the last one");
  });

  it("follows the records of a PushTopic, and a generic channel", async () => {
    await connection.sobject("PushTopic").create({ Name: "Open", Query: "SELECT Id, Subject FROM Case WHERE Status = 'New'", ApiVersion: 66 });
    const topic = new Inbox<{ event: { type: string }; sobject: { Subject: string } }>();
    await connection.streaming.topic("Open").subscribe(topic.listener as never);
    await connection.sobject("Case").create({ Subject: "pump" });
    const [{ event, sobject }] = (await topic.next(1)) as [{ event: { type: string }; sobject: { Subject: string } }];
    assert.deepEqual([event.type, sobject.Subject], ["created", "pump"]);

    await connection.sobject("StreamingChannel").create({ Name: "/u/notes" });
    const notes = new Inbox<{ payload: string }>();
    await connection.streaming.channel("/u/notes").subscribe(notes.listener as never);
    await connection.streaming.channel("/u/notes").push({ payload: "hello", userIds: [] } as never);
    assert.equal((await notes.next(1))[0]!.payload, "hello");
  });

  it("is told why it may not subscribe", async () => {
    const subscription = open().subscribe("/event/None__e", () => undefined);
    await assert.rejects(Promise.resolve(subscription), /doesn’t exist \{\/event\/None__e\}/);
    const two = open(new StreamingExtension.Replay("/event/Other__e", -1)).subscribe(CHANNEL, () => undefined);
    await assert.rejects(Promise.resolve(two), /replay ID map \{\{\/event\/Other__e=-1\}\}/, "its extension knows one channel only");
  });

  it("hears that its sign-in is over", async () => {
    const failures = new Inbox<{ error: string }>();
    await open(new StreamingExtension.AuthFailure(failures.listener as never)).subscribe(CHANNEL, () => undefined);
    while (!emulator.control.listStreams().streams[0]?.held) await new Promise((resolve) => setTimeout(resolve, 5));
    emulator.control.expireTokens();
    assert.equal((await failures.next(1))[0]!.error, "401::Authentication invalid");
  });
});
