import type { DriverColumn } from "../backend";
import type { RowValue } from "../protocol";
import { checkNames, damaged, type Decode, decoderOf, integer, plain } from "../row-values";
import { quote } from "../dialect/text";
import { describe, type MakeExact } from "./exact-query";

/** The kinds of so many columns fit into the 1,020 bytes that the driver gives an expression. */
const COLUMNS_A_LIST = 32;
/** Text of fewer characters is never cut. */
const SHORT = 200;

/**
 * SQLite keeps any value in any column; its ODBC driver goes by the column's type, or the first row's, and gives NULL, a rounded number or
 * other text for what does not fit, and of any real only 15 digits; what is long it may cut. So each row tells of what kind its values are:
 * `i`nteger, with its digits when it needs more than 32 bits, `t`ext and `b`lob with their length in bytes, `n`ull, `z` for text with a NUL
 * character, where the driver ends it, and a real in all its digits.
 */
export const sqliteExact: MakeExact = async (connection, statement) => {
  const columns = (await describe(connection, statement)).map(({ name, type }, _index, all) => ({ name: original(name, all), type }));
  if (columns.length === 0) return undefined;
  checkNames(columns);
  // not by place: a table may be altered. And not in double quotes: what is no column then would be taken for text
  const own = columns.map(({ name }) => quote(name, "`"));
  // of an expression without a name the driver gives what is behind its last dot
  const byName = await describe(connection, { ...statement, sql: `select ${own.join(", ")} from (\n${statement.sql}\n)` }).then(() => true, () => false);
  const names = byName ? own : columns.map((_column, index) => `c${index + 1}`);
  const lists: string[] = [];
  for (let start = 0; start < names.length; start += COLUMNS_A_LIST) lists.push(names.slice(start, start + COLUMNS_A_LIST).map(kind).join(" || ' ' || "));
  return {
    sql: `with q${byName ? "" : `(${names.join(", ")})`} as (\n${statement.sql}\n) select ${names.join(", ")}, ${lists.map((list, index) => `${list} as k${index}`).join(", ")} from q`,
    columns,
    oneByOne: columns.some(({ type }) => type.startsWith("long") || type.endsWith("binary")),
    decode(rows, given) {
      const readers = columns.map(({ name }, index) => readerOf({ ...(given[index] as DriverColumn), name }));
      return rows.map((row) => {
        const kinds = row.slice(columns.length).join(" ").split(" ");
        return readers.map((read, index) => read(kinds[index] as string, row[index]));
      });
    },
  };
};

function kind(name: string): string {
  return (
    `case typeof(${name}) when 'integer' then case when ${name} between -2147483648 and 2147483647 then 'i' else 'i' || ${name} end ` +
    `when 'real' then printf('%!.17g', ${name}) ` +
    `when 'text' then case when instr(${name}, char(0)) then 'z' when length(${name}) < ${SHORT} then 't' else 't' || length(cast(${name} as blob)) end ` +
    `when 'blob' then 'b' || length(${name}) else 'n' end`
  );
}

/** The driver calls the second of two columns `a` `a:1`. */
function original(name: string, all: readonly DriverColumn[]): string {
  const first = /^(.*):\d+$/.exec(name)?.[1];
  return first !== undefined && all.some((other) => other.name === first) ? first : name;
}

function readerOf(column: DriverColumn): (kind: string, value: unknown) => RowValue {
  const { name, type } = column;
  const decode: Decode = decoderOf(column);
  const numeric = type === "bigint" || type === "integer" || type === "smallint" || type === "tinyint";
  const floating = type === "double" || type === "float" || type === "real";
  const binary = type.endsWith("binary");
  const refuse = (what: string, way = `cast(${name} as text)`): never => {
    throw damaged(name, `it holds ${what}, which the driver cannot give in a column of this type: read it with ${way}, or use the embedded SQLite`);
  };
  const text = (value: unknown): string => (binary ? (plain(value) as Buffer).toString() : String(value));
  return (kind, value) => {
    switch (kind[0]) {
      case "n":
        return null;
      case "i":
        if (kind.length > 1) return integer(kind.slice(1));
        return numeric || floating || type === "bit" ? decode(value) : integer(text(value));
      case "b": {
        if (numeric || floating) return refuse("bytes");
        const bytes = binary ? (plain(value) as Buffer) : Buffer.from(text(value).slice(2, -1), "hex"); // X'00ff'
        return bytes.length === Number(kind.slice(1)) ? bytes : refuse(`${kind.slice(1)} bytes`, "substr()");
      }
      case "t": {
        if (numeric || floating) return refuse("text");
        const whole = text(value);
        if (kind.length > 1 && Buffer.byteLength(whole) !== Number(kind.slice(1))) return refuse(`${kind.slice(1)} bytes of text`, "substr()");
        return type === "bit" ? decode(value) : whole;
      }
      case "z":
        return refuse("text with a NUL character", `cast(${name} as blob)`);
      default:
        return plain(Number(kind.replace("Inf", "Infinity")));
    }
  };
}
