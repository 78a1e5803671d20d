import assert from "node:assert/strict";
import { dialectNamed, tableParts } from "../../../../nodes/sql/client/dialect";
import { sqlDate, sqlTimestamp } from "../../../../nodes/sql/client/dialect/text";

describe("A table's name", () => {
  it("is one name, or schema and name, in quotes or without", () => {
    assert.deepEqual(tableParts("readings"), ["readings"]);
    assert.deepEqual(tableParts("plant.readings"), ["plant", "readings"]);
    assert.deepEqual(tableParts('"My.Schema"."a ""b"""'), ["My.Schema", 'a "b"']);
    assert.deepEqual(tableParts("`a``b`"), ["a`b"]);
  });

  it("is refused when it is anything else", () => {
    for (const name of ["", ".", "a.", ".a", "a.b.c", '"a', '"a"b']) assert.throws(() => tableParts(name), { code: "NOT_CONFIGURED" }, name);
  });
});

describe("A timestamp with an offset", () => {
  it("keeps its instant, to the microsecond", () => {
    assert.equal(sqlTimestamp("2026-11-21T10:11:12.123456Z"), "2026-11-21 10:11:12.123456");
    assert.equal(sqlTimestamp("2026-11-21T00:11+02:00"), "2026-11-20 22:11:00");
    assert.equal(sqlTimestamp("2026-11-21 10:11:12-0530"), "2026-11-21 15:41:12");
  });

  it("keeps it in the forms that databases and other programs write, too", () => {
    assert.equal(sqlTimestamp("2026-11-21 12:11:12.5+02"), "2026-11-21 10:11:12.5");
    assert.equal(sqlTimestamp("2026-11-21 12:11:12 +02:00"), "2026-11-21 10:11:12");
    assert.equal(sqlTimestamp("20261121T121112,25+0200"), "2026-11-21 10:11:12.25");
  });

  it("has the day that it has in UTC, and text that is none is not cut to one", () => {
    assert.equal(sqlDate("2026-11-21T23:30:00-05:00"), "2026-11-22");
    for (const text of ["2026-11-21", "2026-11-2112", "2026-11-21 soon"]) assert.equal(sqlDate(text), text);
  });

  it("without one is as it was, and text that is none is left to the database", () => {
    assert.equal(sqlTimestamp("2026-11-21T10:11:12.5"), "2026-11-21 10:11:12.5");
    assert.equal(sqlTimestamp("2026-11-21"), "2026-11-21");
    assert.equal(sqlTimestamp("2026-13-41T10:11:12Z"), "2026-13-41T10:11:12Z");
    assert.equal(sqlTimestamp("soon"), "soon");
  });
});

describe("PostgreSQL's rows", () => {
  const postgresql = dialectNamed("postgresql");
  const encode = (value: never, type: string): unknown => JSON.parse(postgresql.encode([value], [{ name: "c", type }]) as string).c;

  it("take JSON text into a JSON column as such, and any other text as text", () => {
    assert.deepEqual(encode('{"a":1}' as never, "jsonb"), { a: 1 });
    assert.equal(encode("{broken" as never, "jsonb"), "{broken");
    assert.equal(encode('{"a":1}' as never, "text"), '{"a":1}');
    assert.deepEqual(encode({ json: "[1]" } as never, "json"), [1]);
  });

  it("take text, and whatever else is no bytes, into bytes as it is: with backslashes, and where it looks like hex", () => {
    const hex = (text: string): string => `\\x${Buffer.from(text).toString("hex")}`;
    for (const text of ["\\x4142", "C:\\temp", "plain"]) assert.equal(encode(text as never, "bytea"), hex(text));
    assert.equal(encode({ json: '{"a":"\\\\"}' } as never, "bytea"), hex('{"a":"\\\\"}'));
    assert.equal(encode(null as never, "bytea"), null);
  });

  it("take no bytes where their hex would be taken for text", () => {
    for (const type of ["text", "character varying", "jsonb"]) assert.throws(() => encode(Buffer.from("hi") as never, type), { code: "INPUT_INVALID", message: `c: these are bytes, and the column holds ${type}` });
  });

  it("take a boolean for 1 or 0 in a number", () => {
    assert.deepEqual([encode(true as never, "integer"), encode(false as never, "numeric"), encode(true as never, "boolean")], [1, 0, true]);
  });

  it("take bytes as hex, and an offset into account where the column would drop it", () => {
    assert.equal(encode(Buffer.from([1, 255]) as never, "bytea"), "\\x01ff");
    assert.equal(encode("2026-11-21T10:00:00+02:00" as never, "timestamp without time zone"), "2026-11-21 08:00:00");
    assert.equal(encode("2026-11-21T10:00:00+02:00" as never, "timestamp with time zone"), "2026-11-21 08:00:00");
  });
});
