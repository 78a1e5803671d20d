import assert from "node:assert/strict";
import tls from "node:tls";
import { Authority } from "../../../test/services/certificates";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, startEmulator, type Emulator } from "../../src/index";
import { Api } from "../helpers";
import { until } from "../pubsub-client";

type Package = typeof import("salesforce-pubsub-api-client", { with: { "resolution-mode": "import" } });
type Client = InstanceType<Package["default"]>;

const TOPIC = "/event/Device_Alert__e";
const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const, required: true }, { name: "Level__c", type: "double" as const }] };

/** What the client makes of an event. */
interface Event {
  id: string;
  replayId: number;
  payload: Record<string, unknown> & { ChangeEventHeader: { changedFields: string[]; nulledFields: string[]; recordIds: string[] } };
}

/** Everything a subscription has called back with. */
class Calls {
  readonly all: { type: string; data: unknown }[] = [];
  readonly take = (_info: unknown, type: string, data?: unknown): void => void this.all.push({ type, data });

  of(type: string): unknown[] {
    return this.all.filter((call) => call.type === type).map(({ data }) => data);
  }

  get events(): Event[] {
    assert.deepEqual(this.of("error"), []);
    return this.of("event") as Event[];
  }

  get serials(): unknown[] {
    return this.events.map(({ payload }) => payload["Serial__c"]);
  }
}

/** It takes nothing but TLS, and trusts no certificates but those it brings along; hence the option that lets ours pass. */
describe("salesforce-pubsub-api-client, as it comes from npm", function () {
  const authority = new Authority();
  const trusted = tls.getCACertificates("default");
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  let emulator: Emulator;
  let api: Api;
  let clients: Client[];
  let PubSubApiClient: Package["default"];

  before(async () => {
    tls.setDefaultCACertificates([...trusted, String(authority.ca.cert)]);
    const { cert, key } = authority.server("IP:127.0.0.1");
    emulator = await startEmulator({ tls: { cert: String(cert), key: String(key) }, schema: [EVENT], changeEvents: ["Account"], pubsub: { keepAlive: 50 } });
    const loaded = (await import("salesforce-pubsub-api-client")) as Package & { default: Partial<Package> };
    PubSubApiClient = loaded.default.default ?? loaded.default;
  });
  after(async () => {
    await emulator?.stop();
    authority.remove();
    tls.setDefaultCACertificates(trusted);
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    clients = [];
  });
  afterEach(async () => {
    // It leaves streams open without anybody to hear of an error.
    emulator.control.killStreams({ how: "end" });
    await listening(0);
    for (const client of clients) client.close();
  });

  async function connect(): Promise<Client> {
    const login = { authType: "oauth-client-credentials", loginUrl: emulator.url, clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
    const client = new PubSubApiClient({ ...login, pubSubEndpoint: emulator.pubsubEndpoint!.replace("127.0.0.1", "localhost"), rejectUnauthorizedSsl: false }, silent);
    clients.push(client);
    await client.connect();
    return client;
  }

  const listening = (count: number) => until("it listens", () => emulator.control.pubsubStreams().length === count);
  const publish = (Serial__c: string) => api.create("Device_Alert__e", { Serial__c, Level__c: 1.5 });

  it("subscribes, and gets what comes, with its replay id, and keep-alives while nothing does", async () => {
    const client = await connect();
    const calls = new Calls();
    client.subscribe(TOPIC, calls.take, 3);
    await listening(1);
    await until("it is kept alive", () => calls.of("grpcKeepAlive").length > 0);
    await publish("a");
    // While it loads a schema it lets later events pass.
    await until("the first has come", () => calls.events.length === 1);
    for (const serial of ["b", "c"]) await publish(serial);
    await until("all have come", () => calls.of("lastEvent").length === 1);
    const published = emulator.events();
    assert.deepEqual(calls.serials, ["a", "b", "c"]);
    assert.deepEqual(calls.events.map(({ id, replayId }) => [id, replayId]), published.map(({ eventUuid, replayId }) => [eventUuid, replayId]));
    assert.deepEqual(calls.events[0]?.payload["Level__c"], 1.5);
    assert.equal(calls.events[0]?.payload["CreatedDate"], Date.parse(published[0]!.createdDate));
  });

  it("asks for more by itself, a hundred at a time", async () => {
    const client = await connect();
    const calls = new Calls();
    client.subscribeFromEarliestEvent(TOPIC, calls.take);
    await listening(1);
    const records = Array.from({ length: 150 }, (_, index) => ({ attributes: { type: "Device_Alert__e" }, Serial__c: `S${index}` }));
    await api.send("POST", "/composite/sobjects", { records });
    await until("all have come", () => calls.events.length === 150);
    assert.deepEqual(calls.serials, records.map(({ Serial__c }) => Serial__c));
  });

  it("replays what came before, and what came behind an event", async () => {
    for (const serial of ["a", "b", "c"]) await publish(serial);
    const [all, after] = [new Calls(), new Calls()];
    (await connect()).subscribeFromEarliestEvent(TOPIC, all.take, 3);
    await until("all have come", () => all.events.length === 3);
    (await connect()).subscribeFromReplayId(TOPIC, after.take, 2, all.events[0]!.replayId);
    await until("the later ones have come", () => after.events.length === 2);
    assert.deepEqual(after.serials, ["b", "c"]);
  });

  it("is told which error it was when an event is not kept any more", async () => {
    await publish("a");
    const { replayId } = emulator.events()[0]!;
    emulator.control.ageEvents();
    const calls = new Calls();
    (await connect()).subscribeFromReplayId(TOPIC, calls.take, 1, replayId);
    await until("it is told", () => calls.of("error").length === 1);
    const { code, metadata } = calls.of("error")[0] as { code: number; metadata: { get(name: string): unknown[] } };
    assert.deepEqual([code, metadata.get("error-code")], [3, ["sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted"]]);
  });

  it("publishes one by one, and in batches over a stream", async () => {
    const client = await connect();
    const payload = (Serial__c: string, level?: number) => ({ CreatedDate: Date.now(), CreatedById: "005000000000000AAA", Serial__c, Level__c: level === undefined ? null : { double: level } });
    const result = await client.publish(TOPIC, payload("one", 2.5), "key-1");
    assert.deepEqual([result.replayId, result.correlationKey], [emulator.events()[0]?.replayId, "key-1"]);
    const answers: { type: string; data: unknown }[] = [];
    await client.publishBatch(TOPIC, [{ id: "x", payload: payload("two") }, { id: "y", payload: payload("three") }], (_info: unknown, type: string, data?: unknown) => answers.push({ type, data }));
    await until("the batch is answered", () => answers.length === 1);
    const events = emulator.events();
    assert.deepEqual(events.map((event) => event.payload), [{ Serial__c: "one", Level__c: 2.5 }, { Serial__c: "two", Level__c: null }, { Serial__c: "three", Level__c: null }]);
    const { results } = answers[0]!.data as { results: { replayId: number; correlationKey: string }[] };
    assert.deepEqual(results.map(({ replayId, correlationKey }) => [replayId, correlationKey]), [[events[1]?.replayId, "x"], [events[2]?.replayId, "y"]]);
  });

  it("reads change events, and the names its bitmaps stand for", async () => {
    const id = await api.create("Account", { Name: "A", Phone: "1", BillingCity: "Ulm" });
    const calls = new Calls();
    (await connect()).subscribe("/data/AccountChangeEvent", calls.take);
    await listening(1);
    await api.send("PATCH", `/sobjects/Account/${id}`, { Phone: null, Website: "https://a.example", BillingCity: "Bonn" });
    await until("it has come", () => calls.events.length === 1);
    const { ChangeEventHeader: header, Website, BillingAddress } = calls.events[0]!.payload;
    assert.deepEqual([...header.changedFields].sort(), ["BillingAddress.City", "LastModifiedDate", "Phone", "Website"]);
    assert.deepEqual([header.nulledFields, header.recordIds], [["Phone"], [id]]);
    assert.equal((Website as { string?: string }).string ?? Website, "https://a.example");
    assert.match(JSON.stringify(BillingAddress), /"City":(\{"string":)?"Bonn"/);
  });

  it("uses a managed subscription, and goes on behind what it has committed", async () => {
    emulator.control.setManagedSubscription({ developerName: "Alerts", topicName: TOPIC, defaultReplay: "EARLIEST" });
    for (const serial of ["a", "b", "c"]) await publish(serial);
    const [first, second] = [new Calls(), new Calls()];
    const client = await connect();
    await client.subscribeWithManagedSubscription("Alerts", first.take, 3);
    await until("all have come", () => first.events.length === 3);
    const id = emulator.control.setManagedSubscription({ developerName: "Alerts", topicName: TOPIC }).id;
    const heard = first.of("grpcKeepAlive").length;
    client.commitReplayId(id, first.events[1]!.replayId);
    await until("the commit is answered", () => first.of("grpcKeepAlive").length > heard);
    emulator.control.killStreams();
    await (await connect()).subscribeWithManagedSubscription(id, second.take, 3);
    await until("the rest has come", () => second.events.length === 1);
    assert.deepEqual(second.serials, ["c"]);
  });
});
