import assert from "node:assert/strict";
import { sanitiseHeaders } from "../../../../nodes/amqp/client/headers/headers";
import { renameLongs } from "../../../../nodes/amqp/client/headers/received-headers";
import type { RabbitMq } from "../../../services/rabbitmq";
import { sharedRabbit } from "../../../services/shared";
import { waitFor } from "../../../services/wait";
import { contents, refused, Sources } from "../../open-source";
import { headerFrame, HEADERS, long, measured, rawField, sendRaw, shortText } from "../../raw-message";
import { Plain, unique } from "../../support";

const text = (value: string): Buffer => measured(Buffer.from(value));

/** All types that a broker passes on, with an `L` between and within them. */
const every = (tag: "L" | "l"): Buffer =>
  measured(
    rawField("text", "S", text("L")),
    rawField("eta", tag, long(1_800_000_000_000n)),
    rawField("nothing", "V", Buffer.alloc(0)),
    rawField("yes", "t", Buffer.from([1])),
    rawField("bytes", "x", text("LLL")),
    rawField("short", "s", Buffer.from([0, 76])),
    rawField("decimal", "D", Buffer.from([2, 0, 0, 0, 76])),
    rawField("float", "f", Buffer.alloc(4)),
    rawField("list", "A", measured(rawField(undefined, tag, long(-5n)), rawField(undefined, "F", measured(rawField("L", tag, long(7n)))))),
    rawField("time", "T", long(76n)),
  );

describe("headers of type L, as Celery sends large numbers", function () {
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

  it("are read, and cost neither the connection nor the message", async () => {
    const queue = unique("longs");
    const { messages, settle, states } = await sources.consuming(rabbit.url, { queue, queueType: "classic" }); // a quorum queue adds a header, and so writes all anew
    const seen = states.length;
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes: every("L") }, "from celery");
    await plain.send(queue, ["behind it"]);
    await waitFor("both", () => messages.length === 2);
    assert.deepEqual(contents(messages), ["from celery", "behind it"]);
    const { eta, list } = messages[0]?.amqp.headers ?? {};
    assert.deepEqual({ eta, list }, { eta: 1_800_000_000_000, list: [-5, { L: 7 }] });
    assert.deepEqual(states.slice(seen), []);

    settle(messages[0], "dead-letter", refused);
    const dead = await plain.get(`${queue}.dlq`);
    assert.equal(dead.properties.headers?.eta, 1_800_000_000_000);
  });

  it("keep their last digits where they are beyond what JavaScript counts exactly, in the flow, in copies and where they are passed on", async () => {
    const queue = unique("exact");
    const { messages, settle } = await sources.consuming(rabbit.url, { queue, queueType: "classic" });
    const id = 1_234_567_890_123_456_789n;
    const nested = measured(rawField(undefined, "F", measured(rawField("7", "L", long(-id)))));
    const bytes = measured(rawField("9", "l", long(id)), rawField("count", "l", long(5n)), rawField("double", "d", Buffer.from("7e37e43c8800759c", "hex")), rawField("list", "A", nested));
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes }, "order");
    await waitFor("it", () => messages.length === 1);
    const exact = { "!": "int64", value: "1234567890123456789" };
    const { headers } = messages[0]?.amqp ?? {};
    assert.deepEqual(headers, { "9": exact, count: 5, double: 1e300, list: [{ "7": { ...exact, value: "-1234567890123456789" } }] });
    assert.deepEqual(sanitiseHeaders(headers)["9"], exact);

    settle(messages[0], "retry", refused);
    await waitFor("it again", () => messages.length === 2);
    assert.deepEqual([messages[1]?.amqp.headers["9"], messages[1]?.amqp.headers.list], [exact, headers?.list]);
  });

  it("leave what came later by the same name, as a client may send it", async () => {
    const queue = unique("twice");
    const { messages } = await sources.consuming(rabbit.url, { queue, queueType: "classic" });
    const [id, word] = [long(1_234_567_890_123_456_789n), text("word")];
    const table = measured(rawField("n", "l", id));
    const bytes = measured(rawField("a", "l", id), rawField("a", "S", word), rawField("b", "F", table), rawField("b", "s", Buffer.from([0, 5])), rawField("c", "l", id));
    await sendRaw(rabbit, queue, { flags: HEADERS, bytes }, "order");
    await waitFor("it", () => messages.length === 1);
    assert.deepEqual(messages[0]?.amqp.headers, { a: "word", b: 5, c: { "!": "int64", value: "1234567890123456789" } });
  });

  it("are told from the letter in names, texts and bytes", () => {
    const type = shortText(Buffer.from("LLLL"));
    const frame = (tag: "L" | "l"): Buffer => headerFrame(1, { flags: 0x8000 | 0x4000 | HEADERS, bytes: Buffer.concat([type, type, every(tag)]) }, 4);
    const changed = frame("L");
    assert.equal(renameLongs(changed), true);
    assert.deepEqual(changed, frame("l"));
    assert.equal(renameLongs(changed), false);
  });

  it("are searched for only in headers of messages", () => {
    assert.equal(renameLongs(headerFrame(1, { flags: 0x8000, bytes: shortText(Buffer.from("L")) }, 0)), false);
    assert.equal(renameLongs(Buffer.from([1, 0, 1, 0, 0, 0, 0, 0xce])), false);
  });
});
