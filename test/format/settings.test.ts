import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { readFormat } from "../../nodes/format/settings";
import { DEFAULT_OPTIONS } from "../../nodes/format/options";
import { refuses } from "./support";

describe("the format of a node", () => {
  it("has its defaults, also in flows that were saved before there were options", () => {
    assert.deepEqual(readFormat({}), { format: "auto", formatOptions: DEFAULT_OPTIONS });
    assert.deepEqual(readFormat({ format: "xml", formatOptions: {} }), { format: "xml", formatOptions: DEFAULT_OPTIONS });
    assert.deepEqual(readFormat({ format: "delimited" }).formatOptions, DEFAULT_OPTIONS);
  });

  it("is read with its options, a tab written as \\t", () => {
    const { formatOptions } = readFormat({ format: "delimited", formatOptions: { delimiter: "\\t", quote: "", header: "false", columns: [" a", "b", ""], encoding: " latin1 " } });
    assert.deepEqual(formatOptions, { ...DEFAULT_OPTIONS, delimiter: "\t", quote: "", header: false, columns: ["a", "b"], encoding: "latin1" });
    const xml = readFormat({ format: "xml", formatOptions: { rootElement: "rows", rowElement: " r ", attributePrefix: "_", arrays: ["r"], delimiter: "" } });
    assert.deepEqual(xml.formatOptions, { ...DEFAULT_OPTIONS, rootElement: "rows", rowElement: "r", attributePrefix: "_", arrays: ["r"] });
  });

  it("is refused when it cannot work, but only for what is used", () => {
    const bad = { delimiter: "", quote: "''", columns: ["a", "a"], encoding: "klingon", rootElement: "1" };
    refuses(() => readFormat({ format: "yaml" }), /Content must be auto, json, xml, delimited, text or buffer: yaml/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "delimited", formatOptions: { delimiter: "" } }), /delimiter must be/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "delimited", formatOptions: { quote: "''" } }), /quote must be one/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "delimited", formatOptions: { delimiter: '"' } }), /quote must not stand/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "delimited", formatOptions: { columns: ["a", "a"] } }), /column a is named twice/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "text", formatOptions: bad }), /no encoding klingon/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "xml", formatOptions: { rootElement: "1" } }), /can be called 1/, "NOT_CONFIGURED");
    refuses(() => readFormat({ format: "json", formatOptions: bad }, "xml"), /can be called 1/, "NOT_CONFIGURED");
    assert.deepEqual(readFormat({ format: "json", formatOptions: bad }).formatOptions, DEFAULT_OPTIONS);
  });
});

describe("who reads and writes JSON", () => {
  it("loads no parser of the other formats", () => {
    const script = `
      const { decode, encode } = require(${JSON.stringify(join(__dirname, "../../nodes/format/format.ts"))});
      decode(encode({ a: "ü" }, "json").content, "auto");
      console.log(Object.keys(require.cache).filter((file) => /fast-xml-parser|csv-|iconv/.test(file)).length);
    `;
    assert.equal(execFileSync(process.execPath, ["--import", "tsx", "-e", script], { cwd: join(__dirname, "../.."), encoding: "utf8" }).trim(), "0");
  });
});
