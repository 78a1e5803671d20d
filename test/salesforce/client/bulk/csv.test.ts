import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { bulkInput } from "../../../../nodes/salesforce/client/bulk/bulk-input";
import { partsOf } from "../../../../nodes/salesforce/client/bulk/bulk-parts";
import { cellOf, csvLine } from "../../../../nodes/salesforce/client/bulk/csv-cell";
import { CsvReader } from "../../../../nodes/salesforce/client/bulk/csv-reader";

const STYLE = { delimiter: ",", newline: "\n" };

describe("CSV for bulk jobs", () => {
  it("reads what csv-stringify writes, in whatever pieces it comes", () => {
    const rows = [["a", "b c", ""], ['say "x"', "two\nlines", "three\r\nlines"], ["", "", ""], [",", '""', "Größe €"], ["1", " padded ", '"']];
    for (const newline of ["\n", "\r\n"]) {
      // With CRLF csv-stringify leaves a lone line feed unquoted.
      for (const quoted of newline === "\n" ? [true, false] : [true]) {
        const text = stringify(rows, { record_delimiter: newline, quoted, quoted_string: quoted, quoted_empty: quoted });
        assert.deepEqual(parse(text, { record_delimiter: newline }), rows);
        for (let size = 1; size <= text.length; size += 1) {
          const reader = new CsvReader();
          const found: string[][] = [];
          for (let at = 0; at < text.length; at += size) found.push(...reader.push(text.slice(at, at + size)));
          found.push(...reader.end());
          assert.deepEqual(found, rows, `in pieces of ${size}`);
        }
      }
    }
  });

  it("reads a last line without an end, leaves out empty lines and a byte order mark, and says what is no CSV", () => {
    assert.deepEqual(new CsvReader(";").end("\uFEFFa;b\n\n1;2"), [["a", "b"], ["1", "2"]]);
    assert.throws(() => new CsvReader().end('a\n"b"c\n'), { code: "FORMAT_INVALID", message: /row 2 there is text behind/ });
    assert.throws(() => new CsvReader().end('a\n"b\n'), { code: "FORMAT_INVALID", message: /a quote is not closed/ });
  });

  it("takes an empty cell in quotes for a row, for the org writes null so where there is one column", () => {
    const text = '"Phone"\r\n"1"\r\n""\r\n\r\n""';
    for (let size = 1; size <= text.length; size += 1) {
      const reader = new CsvReader();
      const found: string[][] = [];
      for (let at = 0; at < text.length; at += size) found.push(...reader.push(text.slice(at, at + size)));
      assert.deepEqual([...found, ...reader.end()], [["Phone"], ["1"], [""], [""]], `in pieces of ${size}`);
    }
  });

  it("writes what csv-parse reads, whatever is in the cells", () => {
    const cells = ["plain", "a,b", 'a "b"', "a\nb", "a\r\nb", " a", "a ", "", "ü€😀"];
    assert.deepEqual(parse(csvLine(cells, ",")), [cells]);
  });

  it("turns values into cells: null clears, undefined and an empty text leave alone", () => {
    const date = new Date(Date.UTC(2026, 0, 2));
    const pairs: [unknown, string][] = [[null, "#N/A"], [undefined, ""], ["", ""], [true, "true"], [1.5, "1.5"], [12n, "12"], [date, "2026-01-02T00:00:00.000Z"], ["#n/a", "#n/a"]];
    for (const [value, cell] of pairs) assert.equal(cellOf(value, "F"), cell);
    for (const value of ["#N/A", NaN, Infinity, Buffer.from("a"), [1], { a: 1 }, new Date(NaN), () => 1, "x".repeat(131_073)]) {
      assert.throws(() => cellOf(value, "Field__c"), { code: "INPUT_INVALID", message: /^Field__c: / });
    }
  });

  it("makes columns of all fields of a list, and of parents by their external id", () => {
    const input = bulkInput([{ Subject: "a", Account: { Number__c: 7 }, attributes: { type: "Case" } }, { Origin: null, subject: "b" }], false, ",");
    assert.deepEqual(input.columns, ["Subject", "Account.Number__c", "Origin"]);
    assert.deepEqual([...input.rows()].map(({ cells }) => cells), [["a", "7", ""], ["b", "", "#N/A"]]);
  });

  it("takes only ids of rows to delete, from a list of them, of objects, or from CSV", () => {
    for (const value of [["1", "2"], [{ Id: "1", Name: "x" }, { id: "2" }], "Name,Id\nx,1\ny,2\n", Buffer.from("\uFEFFid\r\n1\r\n2")]) {
      const input = bulkInput(value, true, ",");
      assert.deepEqual(input.columns, ["Id"]);
      assert.deepEqual([...input.rows()].map(({ cells }) => cells), [["1"], ["2"]]);
    }
    assert.throws(() => bulkInput("Name\nx", true, ","), { code: "FORMAT_INVALID" });
    assert.throws(() => [...bulkInput([{ Name: "x" }], true, ",").rows()], { code: "INPUT_INVALID", message: /^Row 1: / });
  });

  it("says which row is no row", () => {
    assert.throws(() => bulkInput([{ a: 1 }, 2], false, ","), { code: "INPUT_INVALID", message: /^Row 2: / });
    assert.throws(() => [...bulkInput([{ a: 1 }, { a: "#N/A" }], false, ",").rows()], { code: "INPUT_INVALID", message: /^Row 2: a: the text #N\/A/ });
    assert.throws(() => [...bulkInput("a,b\n1,2\n3\n", false, ",").rows()], { code: "FORMAT_INVALID", message: /Row 2 of the CSV has 1 fields/ });
    assert.throws(() => bulkInput("a,A\n", false, ","), { code: "INPUT_INVALID", message: /stands twice/ });
    assert.throws(() => bulkInput(Buffer.from("Größe\n", "latin1"), false, ","), { code: "FORMAT_INVALID", message: /UTF-8/ });
    assert.throws(() => bulkInput("", false, ","), { code: "FORMAT_INVALID" });
    assert.throws(() => bulkInput({ a: 1 }, false, ","), { code: "INPUT_INVALID" });
  });

  it("cuts rows into parts by number and by bytes, each with its header", async () => {
    const rows = Array.from({ length: 10 }, (_, index) => ({ Name: `${"ü".repeat(10)}${index}` }));
    const sizes = async (limits: { rows: number; bytes: number }): Promise<number[]> => {
      const found: number[] = [];
      for await (const part of partsOf(bulkInput(rows, false, ","), STYLE, limits)) {
        assert.ok(part.csv.length <= limits.bytes);
        assert.equal(parse(part.csv).length, part.rows.length + 1);
        found.push(part.rows.length);
      }
      return found;
    };
    assert.deepEqual(await sizes({ rows: 4, bytes: 1e6 }), [4, 4, 2]);
    assert.deepEqual(await sizes({ rows: 100, bytes: 5 + 3 * 22 + 10 }), [3, 3, 3, 1]);
    await assert.rejects(sizes({ rows: 100, bytes: 20 }), { code: "PAYLOAD_TOO_LARGE" });
  });
});
