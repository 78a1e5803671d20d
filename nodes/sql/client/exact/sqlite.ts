import { chunks } from "../../../common/chunks";
import type { DriverColumn } from "../child/backend";
import type { RowValue } from "../protocol";
import { checkNames, damaged, type Decode, decoderOf, integer, plain } from "../child/row-values";
import { quote } from "../dialect/text";
import { describe, type MakeExact } from "./exact-query";

/** How many columns have their kinds in one expression: the driver gives an expression 1,020 bytes. */
const COLUMNS_A_LIST = 32;
/** The driver never cuts text with fewer characters. */
const SHORT = 200;

/**
 * SQLite keeps any value in any column. Its ODBC driver goes by the type of the column, or of the first row: for values of other types it gives NULL, a rounded
 * number or other text; of a real it gives only 15 digits, and long values it may cut. So each row has further columns with the kinds of its values: `i` for an
 * integer, with its digits when it needs more than 32 bits; `t` for text, with its length in bytes when it is long; `b` for a blob, with its length; `n` for
 * NULL; `z` for text with a NUL character, at which the driver ends it; and for a real all its digits.
 */
export const sqliteExact: MakeExact = async (connection, statement) => {
  const columns = (await describe(connection, statement)).map(({ name, type }, _index, all) => ({ name: original(name, all), type }));
  if (columns.length === 0) return undefined;
  checkNames(columns);
  // by name and not by position: a table may be altered. Not in double quotes: SQLite takes a name in these for text when there is no such column
  const own = columns.map(({ name }) => quote(name, "`"));
  // a column without a name has no such name: the driver calls it by the end of its expression, after the last dot
  const byName = await describe(connection, { ...statement, sql: `select ${own.join(", ")} from (\n${statement.sql}\n)` }).then(() => true, () => false);
  const names = byName ? own : columns.map((_column, index) => `c${index + 1}`);
  const lists = [...chunks(names, COLUMNS_A_LIST)].map((some) => some.map(kind).join(" || ' ' || "));
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

/** Returns the name of a column in the query: of two columns `a`, the driver calls the second `a:1`. */
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
