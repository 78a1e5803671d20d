import assert from "node:assert/strict";
import amqpGet from "../../nodes/amqp/get/get";
import amqpIn from "../../nodes/amqp/in/in";
import amqpOut from "../../nodes/amqp/out/out";
import type { ConnectorError } from "../../nodes/common/errors";
import { helperNodes, type Row } from "../services/helper-nodes";
import { waitFor } from "../services/wait";
import { nodeBench } from "./node-bench";
import { unique } from "./support";

const ROWS = [
  { id: 1, name: 'Pump "A"; left', price: "0012.50", note: null, raw: Buffer.from("hi"), active: true },
  { id: 2, name: "Grüße\r\n<x>&", price: "1e5", note: "none", raw: Buffer.from([0]), active: false },
];
const READ = [
  { id: "1", name: 'Pump "A"; left', price: "0012.50", note: "", raw: "aGk=", active: "true" },
  { id: "2", name: "Grüße\r\n<x>&", price: "1e5", note: "none", raw: "AA==", active: "false" },
];

describe("the formats of amqp out, in and get", function () {
  this.timeout(60_000);
  const bench = nodeBench<{ payload: unknown; amqp: { properties: { contentType?: string } } }>([amqpIn, amqpGet, amqpOut]);
  let queue: string;

  beforeEach(async () => {
    queue = await bench.plain.makeQueue(unique("format"), { "x-queue-type": "classic" });
  });

  const node = (type: "in" | "get" | "out", more: object): Row => ({ id: type, z: "tab", type: `surewire-amqp-${type}`, broker: "broker", wires: [["end"]], ...more });
  const out = (more: object = {}): Row => node("out", { exchange: "", exchangeType: "str", routingKey: queue, routingKeyType: "str", wires: [[]], ...more });
  const end: Row = { id: "end", z: "tab", type: "test-end" };
  const taker = (type: "in" | "get", more: object): Row => node(type, { queue, queueType: "classic", deadLetterQueue: `${queue}.dlq`, ...more });

  for (const [format, formatOptions, read] of [
    ["json", {}, ROWS.map((row) => ({ ...row, raw: row.raw.toJSON() }))],
    ["xml", { rootElement: "rows", attributePrefix: "_", arrays: ["row"] }, { rows: { row: READ } }],
    ["delimited", { delimiter: ";", quote: "'", encoding: "windows-1252" }, READ],
    ["delimited", { delimiter: "\\t", header: false, columns: ["id", "name", "price", "note", "raw", "active"] }, READ],
  ] as const) {
    it(`carry rows of a database as ${format} ${JSON.stringify(formatOptions)}, to in and to get`, async () => {
      const choice = { format, formatOptions };
      await bench.load([bench.broker(), out(choice), taker("in", choice), end]);
      helperNodes.send("out", { payload: ROWS });
      await waitFor("in to have it", () => bench.received.length === 1);
      await bench.empty(queue);
      await helperNodes.unload();
      await bench.load([bench.broker(), out(choice), taker("get", { ...choice, wires: [["end"], []] }), end]);
      helperNodes.send("out", { payload: ROWS });
      await waitFor("it to be there", async () => (await bench.plain.count(queue)).messages === 1);
      helperNodes.send("get", { payload: "now" });
      await waitFor("get to have it", () => bench.received.length === 2);
      for (const { payload } of bench.received) assert.deepEqual(payload, read);
    });
  }

  it("are told by the content type, so that the other end needs no setting", async () => {
    const outs = [out({ id: "to-xml", format: "xml" }), out({ id: "to-csv", format: "delimited" }), out({ id: "to-latin", format: "text", formatOptions: { encoding: "latin1" } })];
    await bench.load([bench.broker(), ...outs, taker("in", { format: "auto" }), end]);
    helperNodes.send("to-xml", { payload: { order: { "@id": 7, item: ["a", "b"] } } });
    helperNodes.send("to-csv", { payload: { id: 7, name: "ä" } });
    helperNodes.send("to-latin", { payload: "ä" });
    await waitFor("all", () => bench.received.length === 3);
    const byType = Object.fromEntries(bench.received.map(({ payload, amqp }) => [amqp.properties.contentType, payload]));
    assert.deepEqual(byType, {
      "application/xml; charset=utf-8": { order: { "@id": "7", item: ["a", "b"] } },
      "text/csv; charset=utf-8": [{ id: "7", name: "ä" }],
      "text/plain; charset=latin1": "ä",
    });
  });

  it("put content that does not fit among the dead letters, its bytes untouched, with the place of the fault", async () => {
    await bench.load([bench.broker(), taker("in", { format: "xml" }), end]);
    const letters = `${queue}.dlq`;
    const laughs = '<!DOCTYPE l [<!ENTITY a "ha">]><l>&a;</l>';
    await waitFor("in to be there", async () => (await bench.plain.count(queue)).consumers === 1);
    await bench.plain.send(queue, [laughs]);
    await waitFor("the dead letter", async () => (await bench.plain.count(letters)).messages === 1);
    const { content, properties } = await bench.plain.get(letters);
    assert.equal(content.toString(), laughs);
    const headers = properties.headers as Record<string, unknown>;
    assert.equal(headers["x-error-code"], "FORMAT_INVALID");
    assert.match(String(headers["x-error-message"]), /line 1, column 1: a DOCTYPE with declarations/);
    assert.equal(bench.received.length, 0);
  });

  it("fail the message that cannot be written, and no other", async () => {
    await bench.load([bench.broker(), out({ format: "delimited", formatOptions: { quote: "", header: false } })]);
    helperNodes.send("out", { payload: [["a,b"]] }, { payload: [["a", "b"]] });
    await waitFor("the good one", async () => (await bench.plain.count(queue)).messages === 1);
    const [error] = helperNodes.errors<ConnectorError>("out");
    assert.equal(error?.code, "FORMAT_INVALID");
    assert.match(error.message, /Line 1 cannot be written without quotes/);
  });

  it("keep the order of messages, also when one holds many rows", async () => {
    await bench.load([bench.broker(), out({ format: "delimited" })]);
    const many = (name: string): object[] => [{ id: name }, ...Array.from({ length: 30_000 }, (_, index) => ({ id: index }))];
    for (const payload of [[{ id: "a" }], many("b"), [{ id: "c" }], many("d"), [{ id: "e" }]]) helperNodes.send("out", { payload });
    await waitFor("all", async () => (await bench.plain.count(queue)).messages === 5);
    const contents = (await bench.plain.drain(queue)).map(({ content }) => content.toString("utf8", 0, 5));
    assert.deepEqual(contents.map((text) => text[3]), ["a", "b", "c", "d", "e"]);
  });

  it("are refused at once when an option cannot work", async () => {
    await bench.load([bench.broker(), out({ format: "delimited", formatOptions: { delimiter: "" } }), end]);
    assert.match(helperNodes.status("out").text ?? "", /delimiter must be/);
  });

  it("read answers to requests", async () => {
    await bench.load([
      bench.broker(),
      out({ request: true, replyFormat: "delimited", formatOptions: { delimiter: "|" }, format: "text", wires: [["end"]] }),
      node("in", { queue, queueType: "classic", format: "text", wires: [["answer"]] }),
      out({ id: "answer", routingKey: "amqp.properties.replyTo", routingKeyType: "msg", format: "text", properties: [{ property: "correlationId", value: "amqp.properties.correlationId", valueType: "msg" }] }),
      end,
    ]);
    helperNodes.send("out", { payload: "id|name\n7|x" });
    await waitFor("the answer", () => bench.received.length === 1);
    assert.deepEqual(bench.received[0]?.payload, [{ id: "7", name: "x" }]);
  });
});
