import { formDefaults } from "../services/form-defaults";
import type { FlowNode } from "../services/node-red";
import { tab } from "./bridge";

const FORMS: Record<string, string> = {
  "amqp-in": "amqp/in/in", "amqp-get": "amqp/get/get", "amqp-out": "amqp/out/out", "amqp-redrive": "amqp/redrive/redrive", "amqp-broker": "amqp/broker/broker",
  "sql-database": "sql/database/database", "sql-read": "sql/read/read", "sql-write": "sql/write/write",
  "salesforce-org": "salesforce/org/org", "salesforce-case": "salesforce/case/case", "salesforce-bulk": "salesforce/bulk/bulk", "salesforce-listen": "salesforce/listen/listen", "salesforce-publish": "salesforce/publish/publish",
  "salesforce-record": "salesforce/record/record", "salesforce-query": "salesforce/query/query", "salesforce-route": "salesforce/route/route",
  settle: "delivery/settle/settle",
};

/** Where the systems are, as Node-RED sees them. */
export interface Addresses {
  broker: string;
  database: string;
  other: string;
  org: string;
  pubsub: string;
  brokerUser: { username: string; password: string };
  databaseUser: { username: string; password: string };
  orgClient: { clientId: string; clientSecret: string };
}

/** Queues that are filled from outside, and what their messages become: rows of the table of that name, cases, or messages of another queue. */
export const INPUTS = ["kept", "once", "cases", "bulk", "fetched", "redriven", "asked", "lists", "looked", "stream", "published", "settled", "elsewhere", "recorded", "queried", "gathered", "routed", "caught", "filed"] as const;
/** Tables of the first database of the messages with their names. */
export const TABLES = ["kept", "once", "fetched", "redriven", "asked", "stream", "settled", "gathered", "bound", "caught"] as const;
/** Queues in which something arrives. */
export const OUTPUTS = ["joined", "found", "polled", "claimed", "events", "changes", "copied", "asked-org", "refiled"] as const;
/** Queues that get messages, too, which nothing stores. */
export const REFUSED = ["kept", "once", "cases", "bulk"] as const;
/** The queue of the org whose cases are routed to work groups, and what is kept of them. */
export const WATCHED = "Pumps";
export const CASE_FIELDS = [{ name: "ObjectRouting_Skills__c", type: "string" as const, length: 1_000 }, { name: "Interaction__c", type: "string" as const, length: 80 }];
/** The platform event that is listened to. */
export const EVENT = "Device_Alert__e";

const node = (type: string, id: string, props: object, ...wires: string[]): FlowNode => ({
  ...formDefaults(`surewire-${type}`, `nodes/${FORMS[type]}.html`), id, type: `surewire-${type}`, name: "", ...props, ...(wires.length > 0 && { wires: wires.map((next) => (next === "" ? [] : [next])) }),
});
const from = (queue: string, next: string, props: object = {}): FlowNode => node("amqp-in", `in-${queue}`, { broker: "broker", queue, format: "json", ...props }, next);
const to = (queue: string, id: string, props: object = {}): FlowNode => node("amqp-out", id, { broker: "broker", routingKey: queue, format: "json", ...props }, "");
const COLUMNS = [{ column: "name", value: "payload.name", valueType: "msg" }];
const rows = (table: string, props: object = {}, next = ""): FlowNode =>
  node("sql-write", `write-${table}`, { database: "database", table, mode: "upsert", keys: ["name"], columns: COLUMNS, ...props }, next);
const fn = (id: string, func: string, next: string): FlowNode => ({ id, type: "function", name: id, func, outputs: 1, wires: next === "" ? [] : [[next]] });
const every = (seconds: number, id: string, next: string): FlowNode => ({ id, type: "inject", props: [], repeat: String(seconds), once: false, wires: [[next]] });
const delay = (id: string, next: string, more: object = {}): FlowNode => ({ ...more, id, type: "delay", pauseType: "delay", timeout: "30", timeoutUnits: "milliseconds", outputs: 1, wires: [[next]] });
/** A contact centre: it makes one interaction a request, and tells what has become of it. */
const CENTRE = `const { action, case: { id }, request, interactionId } = msg.payload;
if (action === "update") return null;
if (action === "disconnect") return [null, { ...msg, payload: { caseId: id, interactionId, status: "ended" } }];
return [{ ...msg, payload: { request, caseId: id } }, { ...msg, payload: { caseId: id, interactionId: "I" + request, request, status: "created" } }];`;

const CLAIM =
  "update claims set claimed = now() where name in (select name from claims where claimed is null or claimed < now() - interval '20 s' order by name limit 20 for update skip locked) returning name";

/** An installation with all families on one tab: every kind of source, every way to write. */
export function chaosFlow({ broker, database, other, org, pubsub, brokerUser, databaseUser, orgClient }: Addresses): FlowNode[] {
  const listen = (transport: string, props: object): FlowNode =>
    node("salesforce-listen", `listen-${transport}`, { org: "org", transport, channel: `/event/${EVENT}`, listener: transport, ...props }, transport === "cometd" ? "write-events" : "out-events", "out-letters");
  return tab(
    node("amqp-broker", "broker", { urls: [broker], heartbeat: 5, connectTimeout: 5, credentials: brokerUser }),
    node("sql-database", "database", { connectionString: database, loginTimeout: 5_000, queryTimeout: 20_000, credentials: databaseUser }),
    node("sql-database", "other", { connectionString: other, loginTimeout: 5_000, queryTimeout: 20_000, credentials: databaseUser }),
    node("sql-database", "file", { engine: "sqlite", file: "events.sqlite" }),
    node("salesforce-org", "org", { loginUrl: org, pubsubEndpoint: pubsub, timeout: 10, credentials: orgClient }),

    // a subflow, whose table each instance names
    from("kept", "sub"), { id: "sub", type: "subflow:writer", name: "", env: [{ name: "TABLE", type: "str", value: "kept" }] },
    { id: "writer", type: "subflow", name: "writer", in: [{ x: 0, y: 0, wires: [{ id: "wait" }] }], out: [], env: [{ name: "TABLE", type: "str", value: "nowhere" }] },
    delay("wait", "write-inside", { z: "writer" }), { ...rows("${TABLE}"), id: "write-inside", z: "writer" },
    from("once", "write-once"), rows("once", { mode: "insert", keys: [], dedupe: true }),
    from("elsewhere", "write-elsewhere"), rows("elsewhere", { database: "other", mode: "insert", keys: [], dedupe: true }),
    from("stream", "write-stream", { queueType: "stream" }), rows("stream"),
    from("cases", "case"),
    node("salesforce-case", "case", { org: "org", mapping: [{ field: "Subject", value: "payload.subject", valueType: "msg" }], externalIdField: "Device_Event_Id__c", externalId: "payload.name", externalIdType: "msg" }, ""),
    from("bulk", "row"), fn("row", "msg.payload = { Device_Event_Id__c: msg.payload.name, Subject: msg.payload.subject }; return msg;", "load"),
    node("salesforce-bulk", "load", { org: "org", operation: "upsert", object: "Case", externalIdField: "Device_Event_Id__c", linger: 300, pollInterval: 200 }, ""),
    every(0.5, "button", "get"), node("amqp-get", "get", { broker: "broker", queue: "fetched", count: 20, format: "json" }, "write-fetched", ""), rows("fetched"),
    from("redriven", "break", { retries: 0 }), fn("break", "if (!msg.amqp.headers['x-redriven']) throw new Error('broken'); return msg;", "write-redriven"), rows("redriven"),
    every(3, "mend", "redrive"), node("amqp-redrive", "redrive", { broker: "broker", queue: "redriven.dlq" }, ""),
    from("asked", "ask", { retryDelay: 2_000 }), to("answering", "ask", { request: true, requestTimeout: 10_000, format: "json", replyFormat: "json" }), rows("asked"),
    from("answering", "answer"),
    node("amqp-out", "answer", {
      broker: "broker", routingKey: "amqp.properties.replyTo", routingKeyType: "msg", format: "json", mandatory: false,
      properties: [{ property: "correlationId", value: "amqp.properties.correlationId", valueType: "msg" }],
    }, ""),
    from("published", "event"), fn("event", `msg.payload = { Serial__c: msg.payload.name + "-published" }; return msg;`, "publish"),
    node("salesforce-publish", "publish", { org: "org", event: EVENT }, ""),
    from("settled", "write-settled", { settle: "node" }), rows("settled", {}, "accept"), node("settle", "accept", {}, ""),
    { id: "catch", type: "catch", scope: ["write-settled"], wires: [["retry"]] }, node("settle", "retry", { outcome: "retry" }, ""),
    from("lists", "split"), { id: "split", type: "split", splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len", wires: [["write-parts"]] },
    rows("parts", {}, "join"), { id: "join", type: "join", mode: "auto", wires: [["out-joined"]] }, to("joined", "out-joined"),
    from("looked", "look"), node("sql-read", "look", { database: "database", query: "select name, n from stock, generate_series(1, 3) n where name = :name", parameters: [{ name: "name", value: "payload.name", valueType: "msg" }] }, "out-found"), to("found", "out-found"),
    node("sql-read", "poll", { database: "database", mode: "poll", query: "select id, name from polled", pollInterval: 300, watermarkColumn: "id", keyColumn: "id", delayWindow: 500, inputs: 0, outputs: 2 }, "out-polled", "out-letters"), to("polled", "out-polled"),
    node("sql-read", "claim", { database: "database", mode: "poll", query: CLAIM, pollInterval: 300, progress: "after-read", keyColumn: "name", afterRead: "delete from claims where name in (:name)", afterReadPer: "batch", inputs: 0, outputs: 2 }, "out-claimed", "out-letters"), to("claimed", "out-claimed"),
    from("recorded", "record-row"), fn("record-row", "msg.payload = { Device_Event_Id__c: msg.payload.name + '-record', Subject: msg.payload.subject }; return msg;", "record"),
    node("salesforce-record", "record", { org: "org", operation: "upsert", object: "Case", externalIdField: "Device_Event_Id__c" }, ""),
    from("queried", "query"),
    node("salesforce-query", "query", { org: "org", query: "SELECT Name FROM Account WHERE Name = :name", parameters: [{ name: "name", value: "payload.name", valueType: "msg" }] }, "found"),
    fn("found", "msg.payload = { name: msg.payload.Name }; return msg;", "out-asked-org"), to("asked-org", "out-asked-org"),
    from("gathered", "batch"), { id: "batch", type: "batch", mode: "interval", interval: 1, allowEmptySequence: false, wires: [["gather"]] }, { id: "gather", type: "join", mode: "auto", wires: [["write-gathered"]] },
    node("sql-write", "write-gathered", { database: "database", mode: "statements", forEach: "payload", statements: [{ sql: "insert into gathered (name) values (:name) on conflict do nothing" }] }, ""),
    from("routed", "route"), node("amqp-out", "route", { broker: "broker", destination: "exchange", exchange: "chaos", routingKey: "payload.name", routingKeyType: "msg", format: "json" }, ""),
    from("bound", "write-bound", { queueType: "classic", bindings: [{ exchange: "chaos", exchangeType: "topic", routingKey: "#" }] }), rows("bound"),
    from("caught", "write-caught"), rows("caught"), { id: "catch-caught", type: "catch", scope: ["write-caught"], wires: [["again"]] },
    { id: "again", type: "delay", pauseType: "delay", timeout: "1", timeoutUnits: "seconds", outputs: 1, wires: [["accept-caught", "write-caught"]] }, node("settle", "accept-caught", {}, ""),
    from("filed", "write-filed"), rows("filed", { database: "file" }),
    node("sql-read", "poll-filed", { database: "file", mode: "poll", query: "select rowid as id, name from filed", pollInterval: 300, watermarkColumn: "id", keyColumn: "id", delayWindow: 500, inputs: 0, outputs: 2 }, "out-refiled", "out-letters"), to("refiled", "out-refiled"),
    node("sql-read", "poll-other", { database: "other", mode: "poll", query: "select id, name from polled", pollInterval: 300, watermarkColumn: "id", keyColumn: "id", delayWindow: 500, inputs: 0, outputs: 2 }, "out-copied", "out-letters"), to("copied", "out-copied"),
    node("salesforce-listen", "listen-changes", { org: "org", transport: "pubsub", channel: "/data/CaseChangeEvent", listener: "changes" }, "created", "out-letters"),
    fn("created", "if (msg.payload.ChangeEventHeader.changeType !== 'CREATE') return null; msg.payload = { name: msg.payload.Device_Event_Id__c }; return msg;", "out-changes"), to("changes", "out-changes"),
    listen("cometd", {}), node("sql-write", "write-events", { database: "file", table: "events", mode: "upsert", keys: ["name"], columns: [{ column: "name", value: "payload.Serial__c", valueType: "msg" }] }, ""),
    listen("pubsub", { store: "database", standby: true, leaseTime: 5 }), to("events", "out-events"), to("letters", "out-letters"),

    node("salesforce-route", "route-cases", { org: "org", routes: [{ queue: WATCHED, workgroup: "pumps" }], store: "database", stateName: "cases", standby: true, leaseTime: 5, answerTimeout: 20_000, markFields: [{ field: "Interaction__c", value: "routing.interactionId", valueType: "msg" }] }, "out-centre", "out-centre", "out-centre"), to("centre", "out-centre"),
    from("centre", "centre"), { ...fn("centre", CENTRE, ""), outputs: 2, wires: [["write-interactions"], ["out-answers"]] },
    node("sql-write", "write-interactions", { database: "database", table: "interactions", mode: "upsert", keys: ["request"], columns: [{ column: "request", value: "payload.request", valueType: "msg" }, { column: "case_id", value: "payload.caseId", valueType: "msg" }] }, ""),
    to("answers", "out-answers"), from("answers", "route-cases"),

    { id: "status", type: "status", scope: null, wires: [["tell"]] },
    fn("tell", "node.log(`status of ${msg.status.source.id}: ${msg.status.fill} ${msg.status.text}`);", ""),
  ).map((one) => (one.id === "ask" ? { ...one, wires: [["write-asked"]] } : one.id === "listen-changes" ? { ...one, wires: [["created", "route-cases"], ["out-letters"]] } : one));
}
