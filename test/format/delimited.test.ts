import assert from "node:assert/strict";
import { databaseRows, read, refuses, write } from "./support";

describe("delimited text is read", () => {
  const rows = (text: string, options = {}): unknown => read(text, "delimited", options);

  it("as objects by its header, every value the text that stands there", () => {
    assert.deepEqual(rows('id,name\n007,"Pump, ""big"""\n1e5, two \n'), [{ id: "007", name: 'Pump, "big"' }, { id: "1e5", name: " two " }]);
  });

  it("as objects by the columns that are named, when there is no header", () => {
    assert.deepEqual(rows("1;2\n3;4", { delimiter: ";", header: false, columns: ["a", "b"] }), [{ a: "1", b: "2" }, { a: "3", b: "4" }]);
    refuses(() => rows("1;2", { delimiter: ";", header: false, columns: ["a"] }), /have 2 fields, for 1 column$/);
    refuses(() => rows("1;2", { header: false, columns: ["a", "b"] }), /have 1 field, for 2 columns: the delimiter may be another$/);
    refuses(() => rows("a;b\n1;2", { columns: ["a"] }), /no column a: it has one field, so the delimiter may be another$/);
  });

  it("with the columns that are wanted of those in the header", () => {
    assert.deepEqual(rows("a,b,c\n1,2,3", { columns: ["c", "a"] }), [{ c: "3", a: "1" }]);
    refuses(() => rows("a,b\n1,2", { columns: ["c"] }), /no column c/);
    refuses(() => rows("", { columns: ["c"] }), /header is missing/);
  });

  it("as lists when nothing names the columns, even a single line", () => {
    assert.deepEqual(rows("1,2", { header: false }), [["1", "2"]]);
    assert.deepEqual(rows("", { header: false }), []);
    assert.deepEqual(rows(""), []);
    assert.deepEqual(rows("a,b\n"), []);
  });

  it("with any delimiter, and any quote or none", () => {
    assert.deepEqual(rows("a\tb\n1\t2", { delimiter: "\t" }), [{ a: "1", b: "2" }]);
    assert.deepEqual(rows("a||b\n1|x||2", { delimiter: "||" }), [{ a: "1|x", b: "2" }]);
    assert.deepEqual(rows("a,b\n'1,1','it''s'", { quote: "'" }), [{ a: "1,1", b: "it's" }]);
    assert.deepEqual(rows('a,b\n"1,2"', { quote: "" }), [{ a: '"1', b: '2"' }]);
  });

  it("with the line ends of any system, also mixed, and without empty lines and a byte order mark", () => {
    assert.deepEqual(rows("\ufeffa,b\r\n\r\n1,2\n3,4\r\r5,6"), [{ a: "1", b: "2" }, { a: "3", b: "4" }, { a: "5", b: "6" }]);
    assert.deepEqual(rows('a\n"1\r\n2"\n""\n'), [{ a: "1\r\n2" }, { a: "" }]);
  });

  it("the same with quotes and without", () => {
    const plain = "a;b;c\r\n1;;3\n\n\r ; x;y\r;;\n";
    assert.deepEqual(rows(plain, { delimiter: ";" }), rows(plain.replace("a;", '"a";'), { delimiter: ";" }));
    assert.deepEqual(rows(plain, { delimiter: ";" }), [{ a: "1", b: "", c: "3" }, { a: " ", b: " x", c: "y" }, { a: "", b: "", c: "" }]);
  });

  it("and refused by the line that does not fit, without telling what stands in it", () => {
    refuses(() => rows("a,b\n1,2\n\nsecret\n"), /^Not delimited text: line 4 has 1 fields/);
    refuses(() => rows("a,b\n1,2,secret\n"), /line 2 has 3 fields, and not as many as the first one$/);
    refuses(() => rows('a,"b"\r\n1,2\n\nsecret\n'), /^Not delimited text: line 4 has 1 fields/);
    refuses(() => rows('a,b\n1,"secret\n'), /a quote that opens in line 2 or before is not closed/);
    refuses(() => rows('a,b\n1,sec"ret\n'), /line 2 has a quote within a field that does not begin with one$/);
    refuses(() => rows('a,b\n1,"sec"ret\n'), /line 2 has something between a closing quote and the delimiter$/);
    refuses(() => rows("a,b,a\n1,2,3\n"), /names the column a twice/);
  });

  it("and sets no prototype", () => {
    refuses(() => rows("__proto__,b\n1,2"), /called __proto__/);
    refuses(() => rows("1", { header: false, columns: ["__proto__"] }), /called __proto__/);
    assert.deepEqual(rows("constructor,toString\n1,2"), [{ constructor: "1", toString: "2" }]);
  });

  it("in the charset that was chosen, or that its mark tells", () => {
    assert.deepEqual(read(Buffer.from("n\nGr\u00fc\u00df", "latin1"), "delimited", { encoding: "latin1" }), [{ n: "Grüß" }]);
    assert.deepEqual(read(Buffer.from("\ufeffn\tm\nü\t1", "utf16le"), "delimited", { delimiter: "\t" }), [{ n: "ü", m: "1" }]);
  });

  it("up to what can be read in good time", () => {
    refuses(() => rows("a\r\n".repeat(250_001)), /more than 250000 lines/, "PAYLOAD_TOO_LARGE");
    refuses(() => rows(",".repeat(2_000_001)), /more than 2000000 fields/, "PAYLOAD_TOO_LARGE");
    refuses(() => rows(Array.from({ length: 10_001 }, (_, index) => `c${index}`).join()), /more than 10000 columns/, "PAYLOAD_TOO_LARGE");
  });
});

describe("rows are written as delimited text", () => {
  const text = (value: unknown, options = {}): string => write(value, "delimited", options);

  it("from objects, with all columns that any of them has", () => {
    assert.equal(text([{ a: 1, b: "x" }, { b: "y", c: null }]), "a,b,c\n1,x,\n,y,\n");
    assert.equal(text({ a: 1, b: 2 }), "a,b\n1,2\n");
    assert.equal(text([{ a: 1, b: 2 }], { header: false }), "1,2\n");
    assert.equal(text([{ a: 1, b: 2, c: 3 }], { columns: ["c", "a", "none"] }), "c,a,none\n3,1,\n");
  });

  it("from lists, or one list", () => {
    assert.equal(text([[1, 2], [3, 4]]), "1,2\n3,4\n");
    assert.equal(text([1, "a,b", null]), '1,"a,b",\n');
    assert.equal(text([[1, 2]], { columns: ["a", "b"] }), "a,b\n1,2\n");
    assert.equal(text([]), "");
    refuses(() => text([[1, 2, 3]], { columns: ["a", "b"] }), /3 fields, for 2 columns/);
  });

  it("with what would break a line in quotes, and nothing else changed", () => {
    assert.equal(text([["a,b", 'q"q', "l\nf", "c\rr", " s ", "=1+1", "\ufeff"]]), '"a,b","q""q","l\nf","c\rr", s ,=1+1,"\ufeff"\n');
    assert.equal(text([["a,b", "q'q"]], { delimiter: ";", quote: "'" }), "a,b;'q''q'\n");
    assert.equal(text([{ a: "" }]), 'a\n""\n');
  });

  it("with values that are no text in a fixed form", () => {
    assert.equal(text([[new Date(0), Buffer.from("hi"), true, 1n, { a: [1] }, [2], undefined, null]]), '1970-01-01T00:00:00.000Z,aGk=,true,1,"{""a"":[1]}",[2],,\n');
  });

  it("or refused when it is no table, or cannot do without quotes", () => {
    refuses(() => text(12), /payload is number, not rows/);
    refuses(() => text(null), /payload is null/);
    refuses(() => text([{ a: 1 }, 2]), /rows and single values/);
    refuses(() => text([{ a: 1 }, [2]]), /lists and objects/);
    refuses(() => text([{}]), /no columns/);
    refuses(() => text([["a,b"]], { quote: "" }), /Line 1 cannot be written without quotes: a field holds the delimiter ,/);
    refuses(() => text([["a"], ["x\ny"]], { quote: "" }), /Line 2 .* a line break/);
    refuses(() => text([["a|", "b"]], { quote: "", delimiter: "||" }), /Line 1 .* a field holds the delimiter \|\|/);
    refuses(() => text([[""]], { quote: "" }), /it is empty/);
    assert.equal(text([['a"b', "c"]], { quote: "" }), 'a"b,c\n');
  });

  it("but for text and bytes, which are delimited already", () => {
    assert.equal(text("a,b"), "a,b");
    assert.equal(text(Buffer.from("a,b")), "a,b");
  });

  it("and read again as they were", () => {
    for (const options of [{}, { delimiter: "\t" }, { delimiter: "||", quote: "'" }, { delimiter: ";" }]) {
      const rows = [{ a: 'x,"y"', b: "l\r\nf;\t||'" }, { a: "", b: " " }, { a: "\r", b: "Grüß 😀" }];
      assert.deepEqual(read(write(rows, "delimited", options), "delimited", options), rows);
      const single = [{ a: "" }, { a: "x" }, { a: "" }];
      assert.deepEqual(read(write(single, "delimited", options), "delimited", options), single);
    }
    const again = read(write(databaseRows(), "delimited"), "delimited") as Record<string, string>[];
    assert.equal(again.length, 1_000);
    assert.deepEqual(again[1], {
      id: "1", code: "000001", price: "12345678901234567890.10", note: 'a "quoted", <marked> & broken\r\nline 1', raw: "AQD/", active: "false", at: "2026-01-31T12:00:00.123Z",
    });
    assert.equal(again[0]?.note, "");
  });
});
