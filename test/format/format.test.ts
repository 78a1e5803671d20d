import assert from "node:assert/strict";
import vm from "node:vm";
import { isConnectorError } from "../../nodes/common/errors";
import { decode, encode, MAX_CONTENT } from "../../nodes/format/format";
import { databaseRows } from "./support";

const code = (expected: string) => (error: unknown) => isConnectorError(error) && error.code === expected;

describe("content is read", () => {
  it("as JSON, and refused with the parser's message when it is none", () => {
    assert.deepEqual(decode(Buffer.from('{"a":1}'), "json"), { a: 1 });
    assert.throws(() => decode(Buffer.from("{a:1}"), "json"), (error: Error) => code("FORMAT_INVALID")(error) && /position 1|property name/.test(error.message));
  });

  it("as text, refused when it is not UTF-8", () => {
    assert.equal(decode(Buffer.from("grüß"), "text"), "grüß");
    assert.throws(() => decode(Buffer.from([0xff, 0xfe]), "text"), code("FORMAT_INVALID"));
  });

  it("as the bytes it is", () => {
    const bytes = Buffer.from([0, 255]);
    assert.equal(decode(bytes, "buffer"), bytes);
  });

  it("by its content type", () => {
    assert.deepEqual(decode(Buffer.from("[1]"), "auto", { contentType: "application/json; charset=utf-8" }), [1]);
    assert.deepEqual(decode(Buffer.from("[1]"), "auto", { contentType: "application/vnd.device+json" }), [1]);
    assert.equal(decode(Buffer.from("[1]"), "auto", { contentType: "text/plain" }), "[1]");
    assert.deepEqual(decode(Buffer.from("x"), "auto", { contentType: "application/octet-stream" }), Buffer.from("x"));
    for (const contentType of ["application/xml", "text/xml; charset=utf-8", "application/soap+xml"]) {
      assert.deepEqual(decode(Buffer.from('<a x="1"/>'), "auto", { contentType }), { a: { "@x": "1" } });
    }
    assert.deepEqual(decode(Buffer.from("a,b\n1,2"), "auto", { contentType: "text/csv" }), [{ a: "1", b: "2" }]);
    assert.deepEqual(decode(Buffer.from("a,b\n1,2"), "auto", { contentType: "text/csv; header=absent" }), [["a", "b"], ["1", "2"]]);
    assert.deepEqual(decode(Buffer.from("a\tb\n1\t2"), "auto", { contentType: "text/tab-separated-values" }), [{ a: "1", b: "2" }]);
    assert.throws(() => decode(Buffer.from("<a>"), "auto", { contentType: "text/xml" }), code("FORMAT_INVALID"));
    assert.throws(() => decode(Buffer.from("no"), "auto", { contentType: "application/json" }), code("FORMAT_INVALID"));
  });

  it("by what it looks like, without a content type", () => {
    assert.deepEqual(decode(Buffer.from(' {"a":1}'), "auto"), { a: 1 });
    assert.equal(decode(Buffer.from("{not json"), "auto"), "{not json");
    assert.equal(decode(Buffer.from("12"), "auto"), "12");
    assert.deepEqual(decode(Buffer.from([0xff]), "auto"), Buffer.from([0xff]));
  });

  it("reads content whose encoding is a charset, as Spring and Celery name it there", () => {
    const latin = Buffer.from("Gr\u00fc\u00dfe", "latin1");
    assert.equal(decode(latin, "auto", { contentType: "text/plain", contentEncoding: "ISO-8859-1" }), "Grüße");
    assert.deepEqual(decode(Buffer.from('{"a":1}'), "json", { contentType: "application/json", contentEncoding: "us-ascii" }), { a: 1 });
    assert.equal(decode(Buffer.from("Grüße"), "text", { contentType: "text/plain; charset=utf-8", contentEncoding: "ISO-8859-1" }), "Grüße");
    assert.equal(decode(latin, "text", { contentEncoding: "ISO-8859-1" }), "Grüße");
    assert.deepEqual(decode(Buffer.from('{"a":1}'), "auto", { contentEncoding: "us-ascii" }), { a: 1 });
    assert.throws(() => decode(latin, "text", { contentEncoding: "base64" }), code("FORMAT_INVALID"));
  });

  it("not at all over 16 MiB, and not while it is compressed", () => {
    assert.throws(() => decode(Buffer.alloc(MAX_CONTENT + 1), "buffer"), code("PAYLOAD_TOO_LARGE"));
    assert.throws(() => decode(Buffer.from("x"), "json", { contentEncoding: "gzip" }), code("FORMAT_INVALID"));
    assert.ok(Buffer.isBuffer(decode(Buffer.from("x"), "auto", { contentEncoding: "gzip", contentType: "application/json" })));
  });
});

describe("a value is written", () => {
  it("as what it is, in format auto", () => {
    assert.deepEqual(encode({ a: 1 }, "auto"), { content: Buffer.from('{"a":1}'), contentType: "application/json" });
    assert.deepEqual(encode("x", "auto"), { content: Buffer.from("x"), contentType: "text/plain; charset=utf-8" });
    assert.deepEqual(encode(Buffer.from("x"), "auto"), { content: Buffer.from("x"), contentType: "application/octet-stream" });
    assert.equal(encode(12, "auto").content.toString(), "12");
    assert.deepEqual(encode(vm.runInNewContext("new Uint8Array([1, 255])"), "auto"), { content: Buffer.from([1, 255]), contentType: "application/octet-stream" }, "as a Function node makes it");
  });

  it("as JSON, a thousand rows of a database", () => {
    const rows = databaseRows();
    assert.deepEqual(decode(encode(rows, "json").content, "json"), JSON.parse(JSON.stringify(rows)));
  });

  it("as JSON with big integers exact", () => {
    assert.equal(encode({ id: 12345678901234567890n }, "json").content.toString(), '{"id":"12345678901234567890"}');
  });

  it("or refused: what the format cannot say", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    assert.throws(() => encode(undefined, "json"), code("FORMAT_INVALID"));
    assert.throws(() => encode(circle, "auto"), code("FORMAT_INVALID"));
    for (const value of [new Map([[1, 2]]), new Set([1]), new Error("x"), new ArrayBuffer(4), /x/]) assert.throws(() => encode(value, "auto"), code("FORMAT_INVALID"));
    assert.throws(() => encode({}, "text"), code("FORMAT_INVALID"));
    assert.throws(() => encode("text", "buffer"), code("FORMAT_INVALID"));
    assert.throws(() => encode(Buffer.alloc(MAX_CONTENT + 1), "auto"), code("PAYLOAD_TOO_LARGE"));
  });
});
