import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError, http } from "./helpers";

const EVENT = { name: "Device_Alert__e", platformEvent: true, fields: [{ name: "Serial__c", type: "string" as const, required: true }, { name: "Level__c", type: "double" as const }, { name: "Text__c", type: "textarea" as const, length: 2_000_000 }] };

describe("platform events", () => {
  let emulator: Emulator;
  let api: Api;

  beforeEach(async () => {
    emulator = await startEmulator({ schema: [EVENT] });
    api = await Api.connect(emulator);
  });
  afterEach(() => emulator.stop());

  const records = (...serials: (string | undefined)[]) => serials.map((Serial__c) => ({ attributes: { type: "Device_Alert__e" }, ...(Serial__c === undefined ? {} : { Serial__c }) }));

  it("enqueues an event and says under which EventUuid", async () => {
    const { status, body } = await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "X1" });
    assert.equal(status, 201);
    assert.match(body.id, /^e00/);
    assert.equal(body.success, true);
    const [note] = body.errors;
    assert.equal(note.statusCode, "OPERATION_ENQUEUED");
    const [event, ...more] = emulator.events("Device_Alert__e");
    assert.equal(more.length, 0);
    assert.equal(event?.eventUuid, note.message);
    assert.deepEqual(event?.payload, { Serial__c: "X1", Level__c: null, Text__c: null });
    const kept = await http(`${emulator.url}/__emu/events/Device_Alert__e`);
    assert.deepEqual(kept.body.events, emulator.events());
  });

  it("enqueues many in one call, each by itself, with rising replay ids", async () => {
    const { status, body } = await api.send("POST", "/composite/sobjects", { records: records("a", undefined, "c") });
    assert.equal(status, 200);
    assert.deepEqual(body.map(({ success }: { success: boolean }) => success), [true, false, true]);
    assert.equal(body[1].errors[0].statusCode, "REQUIRED_FIELD_MISSING");
    const events = emulator.events();
    assert.deepEqual(events.map(({ payload, eventUuid }) => [payload["Serial__c"], eventUuid]), [["a", body[0].errors[0].message], ["c", body[2].errors[0].message]]);
    assert.ok(events[0]!.replayId < events[1]!.replayId);
  });

  it("enqueues from within a composite, and takes back what is rolled back", async () => {
    const request = (referenceId: string, body: object) => ({ method: "POST", url: `${api.base}/sobjects/Device_Alert__e`, referenceId, body });
    const good = await api.send("POST", "/composite", { allOrNone: true, compositeRequest: [request("a", { Serial__c: "1" }), request("b", { Serial__c: "2" })] });
    assert.equal(good.body.compositeResponse[1].body.errors[0].statusCode, "OPERATION_ENQUEUED");
    assert.equal(emulator.events().length, 2);
    await api.send("POST", "/composite", { allOrNone: true, compositeRequest: [request("a", { Serial__c: "3" }), request("b", {})] });
    await api.send("POST", "/composite/sobjects", { allOrNone: true, records: records("4", undefined) });
    assert.equal(emulator.events().length, 2);
  });

  it("refuses more than the hour's allocation, and queues nothing of that", async () => {
    emulator.control.setLimit({ name: "HourlyPublishedPlatformEvents", max: 2 });
    const { body } = await api.send("POST", "/composite/sobjects", { records: records("a", "b", "c") });
    assert.deepEqual(body.map(({ errors }: { errors: { statusCode: string }[] }) => errors[0]?.statusCode), ["OPERATION_ENQUEUED", "OPERATION_ENQUEUED", "LIMIT_EXCEEDED"]);
    assertError(await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "d" }), 400, "LIMIT_EXCEEDED", /event publishing limit/);
    assert.equal(emulator.events().length, 2);
    emulator.control.shiftClock({ ms: 3_600_001 });
    const later = await Api.connect(emulator);
    assert.equal((await later.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "d" })).status, 201);
  });

  it("refuses an event over 1 MB", async () => {
    assertError(await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "X", Text__c: "x".repeat(1024 * 1024) }), 400, "INVALID_INPUT", /1 MB/);
    assert.equal((await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "X", Text__c: "x".repeat(1024 * 1000) })).status, 201);
  });

  it("knows no query, update or delete of events", async () => {
    const { body } = await api.send("POST", "/sobjects/Device_Alert__e", { Serial__c: "X1" });
    assertError(await api.query("SELECT Id FROM Device_Alert__e"), 400, "INVALID_TYPE_FOR_OPERATION", /does not support query/);
    assertError(await api.send("PATCH", `/sobjects/Device_Alert__e/${body.id}`, { Serial__c: "X2" }), 400, "INVALID_TYPE_FOR_OPERATION", /does not support update/);
    assertError(await api.send("DELETE", `/sobjects/Device_Alert__e/${body.id}`), 400, "INVALID_TYPE_FOR_OPERATION", /does not support delete/);
    const described = (await api.get("/sobjects/Device_Alert__e/describe")).body;
    assert.deepEqual([described.createable, described.updateable, described.deletable, described.queryable], [true, false, false, false]);
    assert.ok(!described.fields.some(({ name }: { name: string }) => name === "Id"));
  });

  it("gives the event's schema by name and by id, in both layouts", async () => {
    const compact = (await api.get("/sobjects/Device_Alert__e/eventSchema?payloadFormat=COMPACT")).body;
    assert.equal(compact.namespace, "com.sforce.eventbus");
    assert.deepEqual(compact.fields.map(({ name }: { name: string }) => name), ["CreatedDate", "CreatedById", "Serial__c", "Level__c", "Text__c"]);
    assert.deepEqual(compact.fields[2].type, "string");
    assert.deepEqual(compact.fields[3].type, ["null", "double"]);
    assert.deepEqual((await api.get(`/event/eventSchema/${compact.uuid}?payloadFormat=COMPACT`)).body, compact);
    assert.equal((await api.get("/sobjects/Device_Alert__e/eventSchema")).body.type, "expanded-record");
    assertError(await api.get("/event/eventSchema/nope"), 404, "NOT_FOUND", /does not exist/);
  });

  it("accepts only schemas whose name and kind agree", async () => {
    await assert.rejects(startEmulator({ schema: [{ name: "Alert__c", platformEvent: true, fields: [] }] }), /must end with __e/);
  });
});
