import assert from "node:assert/strict";
import { connect, type ChannelModel } from "amqplib";
import { headersIn } from "../../../../nodes/amqp/client/headers/header-frame";
import { sanitiseHeaders } from "../../../../nodes/amqp/client/headers/headers";
import { asReceived, readAllHeaders } from "../../../../nodes/amqp/client/headers/received-headers";
import type { RabbitMq } from "../../../services/rabbitmq";
import { sharedRabbit } from "../../../services/shared";
import { waitFor } from "../../../services/wait";
import { contents, refused, Sources } from "../../open-source";
import { headerFrame, HEADERS, long, measured, rawField, sendRaw } from "../../raw-message";
import { Plain, unique } from "../../support";

const text = (value: string): Buffer => measured(Buffer.from(value));
const hex = (digits: string): Buffer => Buffer.from(digits, "hex");

/** Each type of number, small enough for amqplib to take it for another. */
const NUMBERS: [tag: string, value: Buffer][] = [
  ["b", hex("05")],
  ["B", hex("05")],
  ["s", hex("0005")],
  ["u", hex("0005")],
  ["I", hex("00000005")],
  ["i", hex("00000005")],
  ["l", long(5n)],
  ["f", hex("40a00000")],
  ["d", hex("4014000000000000")],
];

/** Headers of all kinds, in the order of their names' first letters. */
const table = (...more: Buffer[]): Buffer[] => [
  ...NUMBERS.map(([tag, value], index) => rawField(`${index}-${tag}`, tag, value)),
  rawField("decimal", "D", hex("0200000005")),
  rawField("list", "A", measured(rawField(undefined, "I", hex("00000007")), rawField(undefined, "F", measured(rawField("deep", "l", long(7n)))))),
  rawField("time", "T", long(76n)),
  ...more,
];

/** A table of tables, so many. */
function nested(depth: number): Buffer {
  let inner = measured(rawField("end", "t", hex("01")));
  for (let level = 0; level < depth; level += 1) inner = measured(rawField("a", "F", inner));
  return inner;
}

/** The bytes of the headers of the next message in a queue. */
async function rawHeaders(rabbit: RabbitMq, queue: string): Promise<Buffer> {
  const model = await connect(rabbit.url);
  const reader = model.connection as unknown as { rest: Buffer; recvFrame(): unknown };
  const receive = reader.recvFrame.bind(reader);
  let found: Buffer | undefined;
  reader.recvFrame = () => {
    const { rest } = reader;
    const frame = receive();
    const at = frame ? headersIn(rest) : undefined;
    if (at !== undefined) found = rest.subarray(at + 4, at + 4 + rest.readUInt32BE(at));
    return frame;
  };
  const channel = await model.createChannel();
  await waitFor(`a message in ${queue}`, async () => (await channel.get(queue, { noAck: true })) !== false);
  await model.close();
  assert.ok(found);
  return found;
}

describe("the headers of a message that came", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  const sources = new Sources();

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  afterEach(() => sources.close());
  after(() => plain.close());

  it("keep the types of their numbers in copies, as clients in typed languages and headers exchanges tell them apart", async () => {
    const queue = unique("types");
    const { messages, settle } = await sources.consuming(rabbit.url, { queue, queueType: "classic", retries: 1 });
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes: measured(...table()) }, "order");
    await waitFor("it", () => messages.length === 1);
    assert.equal(messages[0]?.amqp.headers["8-d"], 5);
    settle(messages[0], "retry", refused);
    await waitFor("it again", () => messages.length === 2);
    settle(messages[1], "dead-letter", refused);
    const came = (await rawHeaders(rabbit, `${queue}.dlq`)).toString("hex");
    for (const field of table()) assert.ok(came.includes(field.toString("hex")), field.toString("hex"));
  });

  it("keep them, too, where their frame comes in pieces", () => {
    const whole = headerFrame(1, { flags: HEADERS, bytes: measured(rawField("count", "I", hex("00000005"))) }, 0);
    const headers = { count: 5 };
    const connection = {
      rest: whole.subarray(0, 12),
      recvFrame(): object {
        const isWhole = this.rest.length === whole.length;
        this.rest = isWhole ? Buffer.alloc(0) : whole;
        return isWhole ? { fields: { headers } } : this.recvFrame();
      },
    };
    readAllHeaders({ connection } as unknown as ChannelModel);
    connection.recvFrame();
    assert.deepEqual(asReceived(headers), { count: { "!": "int", value: 5 } });
  });

  it("keep times before 1970, as .NET's DateTime.MinValue is one, and so all others beside them, in copies and where they are passed on", async () => {
    const queue = unique("times");
    const { messages, settle } = await sources.consuming(rabbit.url, { queue, queueType: "classic", retries: 1 });
    const fields = [rawField("tenant", "S", text("one")), rawField("time", "T", long(-62_135_596_800n)), rawField("times", "A", measured(rawField(undefined, "T", long(-5n))))];
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes: measured(...fields) }, "order");
    await waitFor("it", () => messages.length === 1);
    const exact = { "!": "timestamp", value: "18446744011573954816" };
    assert.deepEqual([messages[0]?.amqp.headers.time, sanitiseHeaders(messages[0]?.amqp.headers).time], [exact, exact]);
    settle(messages[0], "retry", refused);
    await waitFor("it again", () => messages.length === 2);
    settle(messages[1], "dead-letter", refused);
    const came = (await rawHeaders(rabbit, `${queue}.dlq`)).toString("hex");
    for (const field of fields) assert.ok(came.includes(field.toString("hex")), field.toString("hex"));
  });

  it("may have the names of properties that every object has", async () => {
    const queue = unique("names");
    const { messages, settle } = await sources.consuming(rabbit.url, { queue, queueType: "classic" });
    await plain.send(queue, ["order"], { headers: { constructor: "Lotus", valueOf: "much" } });
    await waitFor("it", () => messages.length === 1);
    settle(messages[0], "dead-letter", refused);
    const { headers } = (await plain.get(`${queue}.dlq`)).properties;
    assert.deepEqual([headers?.constructor, headers?.valueOf], ["Lotus", "much"]);
  });

  it("keep the last value of a name in copies, since a client may send a name twice", async () => {
    const queue = unique("twice");
    const { messages, settle } = await sources.consuming(rabbit.url, { queue, queueType: "classic", retries: 1 });
    const parts = measured(rawField("length", "I", hex("00000004")));
    const first = [rawField("number", "b", hex("05")), ...["text", "list", "bytes"].map((name) => rawField(name, "F", parts))];
    const last = [
      rawField("number", "I", hex("0000012c")),
      rawField("text", "S", text("four")),
      rawField("list", "A", measured(...[1, 2, 3, 4].map(() => rawField(undefined, "t", hex("01"))))),
      rawField("bytes", "x", text("four")),
    ];
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes: measured(...first, ...last) }, "order");
    await waitFor("it", () => messages.length === 1);
    settle(messages[0], "retry", refused);
    await waitFor("it again", () => messages.length === 2);
    assert.equal((messages[1]?.delivery as { attempt: number }).attempt, 2);
    settle(messages[1], "dead-letter", refused);
    const came = (await rawHeaders(rabbit, `${queue}.dlq`)).toString("hex");
    for (const field of last) assert.ok(came.includes(field.toString("hex")), field.toString("hex"));
  });

  for (const [depth, more] of [[100], [2_000], [6_000], [17_000], [100, "L"], [6_000, "L"], [17_000, "L"]] as [number, string?][]) {
    it(`cost neither the connection nor the message where they are nested ${depth} deep${more ? ", and a number of type L is among them" : ""}`, async () => {
      const queue = unique("deep");
      const bytes = more ? measured(rawField("count", more, long(5n)), rawField("deep", "F", nested(depth))) : nested(depth);
      const { messages, settle, states } = await sources.consuming(rabbit.url, { queue, queueType: "classic", retries: 1 });
      const seen = states.length;
      await sendRaw(rabbit, queue, { flags: HEADERS, bytes }, "order");
      await plain.send(queue, ["behind it"]);
      await waitFor("both", () => messages.length === 2);
      assert.deepEqual(contents(messages), ["order", "behind it"]);
      assert.deepEqual(Object.keys(messages[0]?.amqp.headers ?? {}), ["x-headers-unreadable"]);
      settle(messages[0], "retry", refused);
      await waitFor("it again", () => messages.length === 3);
      assert.equal((messages[2]?.delivery as { attempt: number }).attempt, 2);
      settle(messages[2], "dead-letter", refused);
      const dead = await plain.get(`${queue}.dlq`);
      assert.equal(dead.properties.headers?.["x-error-code"], "ROW_REFUSED");
      assert.deepEqual(states.slice(seen), []);
    });
  }

  it("come whole up to a depth that somebody may mean", async () => {
    const queue = unique("shallow");
    const { messages } = await sources.consuming(rabbit.url, { queue, queueType: "classic" });
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes: nested(20) }, "order");
    await waitFor("it", () => messages.length === 1);
    assert.deepEqual(Object.keys(messages[0]?.amqp.headers ?? {}), ["a"]);
  });

  it("are told from the text of a frame that cannot be read for another reason", async () => {
    const queue = unique("text");
    const { messages } = await sources.consuming(rabbit.url, { queue, queueType: "classic" });
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes: measured(rawField("L", "S", text("call stack"))) }, "order");
    await waitFor("it", () => messages.length === 1);
    assert.deepEqual(messages[0]?.amqp.headers, { L: "call stack" });
  });
});
