import assert from "node:assert/strict";
import { databaseRows, read, refuses, write } from "./support";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

describe("XML is read", () => {
  const xml = (text: string, options = {}): unknown => read(text, "xml", options);

  it("as objects, attributes and text, all of it text", () => {
    const order = '<?xml version="1.0"?><!-- new --><order id="007" paid="true"><to>Jo</to><item>1e5</item><item>0012345678901234567890</item><empty/><note lang="de">Grüß</note></order>';
    assert.deepEqual(xml(order), {
      order: { "@id": "007", "@paid": "true", to: "Jo", item: ["1e5", "0012345678901234567890"], empty: "", note: { "@lang": "de", "#text": "Grüß" } },
    });
  });

  it("with the prefix for attributes that was chosen", () => {
    assert.deepEqual(xml('<a x="1"/>', { attributePrefix: "_" }), { a: { _x: "1" } });
  });

  it("with lists where a name or a path was given, and wherever a name repeats", () => {
    const text = "<orders><order><line>1</line></order><archive><order/></archive></orders>";
    assert.deepEqual(xml(text, { arrays: ["line", "orders/order"] }), { orders: { order: [{ line: ["1"] }], archive: { order: "" } } });
    assert.deepEqual(xml(text, { arrays: ["order"] }), { orders: { order: [{ line: "1" }], archive: { order: [""] } } });
    assert.deepEqual(xml("<a><b/><c/><b/></a>"), { a: { b: ["", ""], c: "" } });
  });

  it("with CDATA as text, and mixed content joined", () => {
    assert.deepEqual(xml("<a>1 &lt; <![CDATA[2 &lt; <b>]]></a>"), { a: "1 < 2 &lt; <b>" });
    assert.deepEqual(xml("<p>see <b>this</b> and that</p>"), { p: { b: "this", "#text": "see  and that" } });
    assert.deepEqual(xml("<a>\n  <b> kept </b>\n</a>"), { a: { b: " kept " } });
  });

  it("with the five entities and numeric references, and no others", () => {
    assert.deepEqual(xml('<a x="&quot;&apos;&#10;">&lt;&gt;&amp;&#65;&#x1F600;&amp;lt;</a>'), { a: { "@x": "\"'\n", "#text": "<>&A😀&lt;" } });
    refuses(() => xml("<a>\n&euro;</a>"), /line 2, column 1: the entity &euro; is unknown/);
    refuses(() => xml("<a>a & b</a>"), /line 1, column 6: an & that begins no reference/);
    refuses(() => xml("<a>&#0;</a>"), /&#0;/);
    refuses(() => xml("<a>&#xD800;</a>"), /&#xD800;/);
    refuses(() => xml("<a>&toString;</a>"), /&toString;/);
  });

  it("without comments and processing instructions, wherever they stand", () => {
    assert.deepEqual(xml("<?xml version='1.0'?>\n<?style it's?><a>1<?php <b> ?>2<!-- <c> & --><b/></a><!-- end -->"), { a: { b: "", "#text": "12" } });
  });

  it("and refused when it is none, with line and column", () => {
    refuses(() => xml('<?xml version="1.0"?>\n<a>\n  <b></a>'), /line 3, column 6: Expected closing tag 'b'/);
    refuses(() => xml("<a"), /line 1, column 1/);
    refuses(() => xml(""), /line 1, column 1/);
    refuses(() => xml("<a/><b/>"), /exactly one root/);
    refuses(() => xml("<a/>text"), /exactly one root/);
    refuses(() => xml("<a/>text<!-- c -->"), /exactly one root/);
    for (const text of ["<a/>>", "<a x='1'/>'>", "<a/> a > b >"]) refuses(() => xml(text), /exactly one root/);
    assert.deepEqual(xml("<a x='1 > 0'/> \n"), { a: { "@x": "1 > 0" } });
    refuses(() => xml("<a></a>text"), /line 1, column 8/);
    refuses(() => xml("<a></a><![CDATA[x]]>"), /exactly one root/);
    refuses(() => xml("<a x=1/>"), /line 1, column 4/);
    refuses(() => xml('<a x="1" x="2"/>'), /'x' is repeated/);
    refuses(() => xml('<a x="<"/>'), /attribute x holds a </);
    refuses(() => xml("<a>\u0000</a>"), /column 4: the character U\+0000/);
    refuses(() => xml("<a><!-- </a>"), /column 4: a comment or CDATA section has no end/);
    refuses(() => xml("<a><![CDATA[ </a>"), /has no end/);
    refuses(() => xml("<a><!ELEMENT b></a>"), /column 4/);
    refuses(() => xml("<a><?b </a>"), /instruction has no end/);
    refuses(() => xml("{}"), /line 1, column 1/);
  });

  it("by the encoding it declares, when nothing else tells another", () => {
    const text = '<?xml version="1.0" encoding="ISO-8859-1"?><a>Gr\u00fc\u00df</a>';
    assert.deepEqual(read(Buffer.from(text, "latin1"), "xml"), { a: "Grüß" });
    assert.deepEqual(read(Buffer.from("\ufeff<a>ü</a>", "utf16le"), "xml"), { a: "ü" });
    assert.deepEqual(read(Buffer.from("<a>ü</a>", "utf16le"), "xml"), { a: "ü" });
    assert.deepEqual(read('<?xml version="1.0" encoding="utf-16"?><a>ü</a>', "xml"), { a: "ü" });
    assert.deepEqual(read(Buffer.from("<a>\u0080</a>", "latin1"), "xml", { encoding: "windows-1252" }), { a: "€" });
    refuses(() => read('<?xml version="1.0" encoding="klingon"?><a/>', "xml"), /no charset klingon/);
  });
});

describe("hostile XML", () => {
  it("has no entities of its own: neither many laughs nor files", () => {
    const laughs = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><l>&c;</l>`;
    refuses(() => read(laughs, "xml"), /line 1, column 22: a DOCTYPE with declarations/);
    refuses(() => read('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "xml"), /DOCTYPE/);
    refuses(() => read('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><a/>', "xml"), /DOCTYPE/);
    refuses(() => read("<a><!DOCTYPE b></a>", "xml"), /within the document/);
  });

  it("may name a DTD, which nobody fetches", () => {
    assert.deepEqual(read('<?xml version="1.0"?><!-- c --><!DOCTYPE order SYSTEM "http://127.0.0.1:1/order.dtd"><order>1</order>', "xml"), { order: "1" });
  });

  it("changes no prototype", () => {
    for (const name of ["__proto__", "constructor", "prototype"]) {
      refuses(() => read(`<a><${name}><polluted>1</polluted></${name}></a>`, "xml"), new RegExp(`called ${name}`));
    }
    assert.deepEqual(read('<a constructor="1" toString="2"><toString>3</toString><hasOwnProperty/></a>', "xml"), {
      a: { "@constructor": "1", "@toString": "2", toString: "3", hasOwnProperty: "" },
    });
    refuses(() => read('<a o__="1"/>', "xml", { attributePrefix: "__prot" }), /__proto__/);
    const own = read('<a __proto__="1"/>', "xml") as { a: Record<string, unknown> };
    assert.deepEqual(Object.keys(own.a), ["@__proto__"]);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it("is refused when it is too deep, too big, or too much to read in good time", () => {
    const deep = (depth: number): string => "<a>".repeat(depth) + "</a>".repeat(depth);
    assert.doesNotThrow(() => read(deep(100), "xml"));
    refuses(() => read(deep(102), "xml"), /deeper than 100/);
    refuses(() => read(deep(50_000), "xml"), /deeper than 100/);
    refuses(() => read(`<a>${"x".repeat(4 * 1024 * 1024)}</a>`, "xml"), /4194311 characters/, "PAYLOAD_TOO_LARGE");
    for (const part of ["<b/>", "&amp;", "<!---->", "<![CDATA[]]>", "="]) {
      refuses(() => read(`<a>${part.repeat(200_000)}</a>`, "xml"), /more than 200000 tags/, "PAYLOAD_TOO_LARGE");
    }
    refuses(() => read("<!--".repeat(100_000), "xml"), /without end/);
    refuses(() => read("<a>" + "<![CDATA[".repeat(100_000), "xml"), /no end/);
    refuses(() => read("<a" + " ".repeat(1_000_000), "xml"), /line 1/);
  });
});

describe("a value is written as XML", () => {
  const xml = (value: unknown, options = {}): string => {
    const text = write(value, "xml", options);
    assert.ok(text.startsWith("<?xml "));
    return text.slice(text.indexOf("\n") + 1);
  };

  it("with its one property for the root, or a root of its own", () => {
    assert.equal(write({ order: { id: 1 } }, "xml"), `${DECLARATION}<order><id>1</id></order>`);
    assert.equal(xml({ id: 1, name: "x" }), "<root><id>1</id><name>x</name></root>");
    assert.equal(xml({ id: 1, name: "x" }, { rootElement: "order" }), "<order><id>1</id><name>x</name></order>");
    assert.equal(xml({ "@id": 1 }), '<root id="1"/>');
    assert.equal(xml({ row: [1, 2] }), "<root><row>1</row><row>2</row></root>");
    assert.equal(xml(12), "<root>12</root>");
    assert.equal(xml({}), "<root/>");
  });

  it("with lists as repeated elements", () => {
    assert.equal(xml([{ id: 1 }, { id: 2 }], { rootElement: "rows", rowElement: "r" }), "<rows><r><id>1</id></r><r><id>2</id></r></rows>");
    assert.equal(xml({ a: { b: [1, [2, 3], []] } }), "<a><b>1</b><b><row>2</row><row>3</row></b><b/></a>");
    assert.equal(xml([]), "<root/>");
  });

  it("with attributes and text by the same prefix that reads them", () => {
    assert.equal(xml({ a: { "@x": 'q"\n', "#text": "t", b: { "@y": null, "@z": undefined } } }), '<a x="q&quot;&#10;">t<b y=""/></a>');
    assert.equal(xml({ a: { _x: 1, "#text": "" } }, { attributePrefix: "_" }), '<a x="1"/>');
  });

  it("with what has no text of its own in a fixed form", () => {
    const value = { a: { none: null, left: undefined, at: new Date(0), raw: Buffer.from("hi"), big: 12345678901234567890n, yes: true, never: new Date(Number.NaN) } };
    assert.equal(xml(value), "<a><none/><at>1970-01-01T00:00:00.000Z</at><raw>aGk=</raw><big>12345678901234567890</big><yes>true</yes><never/></a>");
    assert.equal(xml({ a: { toJSON: () => ({ b: 1 }) } }), "<a><b>1</b></a>");
  });

  it("or refused: names and characters that XML cannot have", () => {
    refuses(() => xml({ a: { "two words": 1 } }), /called "two words"/);
    refuses(() => xml({ a: { "1st": 1 } }), /called "1st"/);
    refuses(() => xml({ a: { "": 1 } }), /empty name/);
    refuses(() => xml({ a: { "@x y": 1 } }), /called "x y"/);
    refuses(() => xml({ a: { "b><script": 1 } }), /called/);
    refuses(() => xml({ a: { b: "\u0001" } }), /b holds the character U\+0001/);
    refuses(() => xml({ a: { b: "\ud800" } }), /U\+D800/);
    refuses(() => xml({ a: { "@b": {} } }), /holds an object/);
    const circle: Record<string, unknown> = { b: 1 };
    circle.a = circle;
    refuses(() => xml({ circle }), /nested deeper than 100, or holds itself/);
  });

  it("but for text and bytes, which are XML already", () => {
    assert.equal(write("<a/>", "xml"), "<a/>");
    assert.equal(write(Buffer.from("<a/>"), "xml"), "<a/>");
  });

  it("and read again as it was", () => {
    const value = { order: { "@id": "1 \"<&>'\t\n\r", item: ["<a>", "&amp;", "]]>", " \r\n\t "], note: { "@lang": "de", "#text": "Grüß 😀" }, empty: "", ключ: "значение" } };
    assert.deepEqual(read(write(value, "xml"), "xml"), value);
    const rows = databaseRows();
    const again = read(write(rows, "xml"), "xml") as { root: { row: Record<string, string>[] } };
    assert.equal(again.root.row.length, 1_000);
    assert.deepEqual(again.root.row[1], {
      id: "1", code: "000001", price: "12345678901234567890.10", note: 'a "quoted", <marked> & broken\r\nline 1', raw: "AQD/", active: "false", at: "2026-01-31T12:00:00.123Z",
    });
    assert.equal(again.root.row[0]?.note, "");
  });
});
