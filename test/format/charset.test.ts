import assert from "node:assert/strict";
import { decodeText, encodeText, isCharset } from "../../nodes/format/charset";
import { decode, encode } from "../../nodes/format/format";
import { DEFAULT_OPTIONS } from "../../nodes/format/options";
import { read, refuses } from "./support";

describe("a charset", () => {
  it("is read and written, by any of its names", () => {
    for (const [name, bytes] of [["latin1", "4772fcdf"], ["ISO-8859-1", "4772fcdf"], ["windows-1252", "4772fcdf"], ["utf-16le", "47007200fc00df00"], ["utf-16be", "0047007200fc00df"], ["cp437", "477281e1"], ["UTF8", "4772c3bcc39f"]] as const) {
      assert.equal(decodeText(Buffer.from(bytes, "hex"), name), "Grüß", name);
      assert.equal(encodeText("Grüß", name).toString("hex"), bytes, name);
      assert.ok(isCharset(name), name);
    }
  });

  it("is refused when nobody knows it, and when it is none", () => {
    for (const name of ["klingon", "base64", "hex", "constructor"]) {
      assert.equal(isCharset(name), false, name);
      refuses(() => decodeText(Buffer.from("x"), name), new RegExp(`no charset ${name}`));
      refuses(() => encodeText("x", name), new RegExp(`no charset ${name}`));
    }
  });

  it("loses no character: what it does not have, and bytes that are none of it, are errors", () => {
    refuses(() => encodeText("10 €", "latin1"), /The character U\+20AC is not in latin1/);
    refuses(() => encodeText("😀", "windows-1252"), /U\+1F600/);
    refuses(() => decodeText(Buffer.from([0x81]), "shift_jis"), /Not text in shift_jis/);
    refuses(() => decodeText(Buffer.from([0x41]), "utf-16le"), /Not text in utf-16le/);
    for (const name of [undefined, "utf_8", "unicode-1-1-utf-8"]) refuses(() => decodeText(Buffer.from([0xff]), name), /Not UTF-8 text, and no other encoding is named/);
    for (const name of [undefined, "utf-16le", "latin1"]) refuses(() => encodeText("a\ud800b", name), /half of a character, U\+D800/);
    assert.equal(decodeText(encodeText("\ufffd", "utf-16le"), "utf-16le"), "\ufffd");
  });

  it("is taken from the content type, unless the node names another", () => {
    const umlaut = Buffer.from([0xfc]);
    assert.equal(read(umlaut, "text", {}, "text/plain; charset=ISO-8859-1"), "ü");
    assert.equal(read(umlaut, "auto", {}, 'text/plain; charset="windows-1252"'), "ü");
    assert.equal(read(umlaut, "text", { encoding: "cp437" }, "text/plain; charset=latin1"), "ⁿ");
    refuses(() => read(umlaut, "auto", {}, "text/plain"), /Not UTF-8/);
    refuses(() => read("x", "auto", {}, "text/plain; charset=klingon"), /no charset klingon/);
  });

  it("means nothing beside JSON, unless the JSON is no UTF-8", () => {
    assert.deepEqual(read('["ü"]', "json", {}, "application/json; charset=ISO-8859-1"), ["ü"]);
    assert.deepEqual(read(Buffer.from('["\u00fc"]', "latin1"), "auto", {}, "application/json; charset=ISO-8859-1"), ["ü"]);
    refuses(() => read(Buffer.from('["\u00fc"]', "latin1"), "json"), /Not UTF-8/);
  });

  it("is told in the content type of what is written", () => {
    const type = (format: "text" | "xml" | "delimited", options = {}): string => encode([["x"]].toString(), format, { ...DEFAULT_OPTIONS, ...options }).contentType;
    assert.equal(type("text", { encoding: "latin1" }), "text/plain; charset=latin1");
    assert.equal(type("xml"), "application/xml; charset=utf-8");
    assert.equal(type("delimited", { encoding: "windows-1252" }), "text/csv; charset=windows-1252");
    assert.equal(type("delimited", { delimiter: "\t" }), "text/tab-separated-values; charset=utf-8");
    const latin = encode({ a: "ü" }, "xml", { ...DEFAULT_OPTIONS, encoding: "ISO-8859-1" });
    assert.equal(latin.content.toString("latin1"), '<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>ü</a>');
    assert.deepEqual(decode(latin.content, "auto", latin), { a: "ü" });
  });
});
