import type { DriverColumn } from "../backend";
import type { RowValue } from "../protocol";
import { damaged, type Decode, decoderOf, integer, plain } from "../row-values";
import { aliases, describe, type MakeExact } from "./exact-query";

/** The kinds of so many columns fit into the 1,020 bytes that the driver gives an expression. */
const COLUMNS_A_LIST = 32;

/**
 * SQLite keeps any value in any column; its ODBC driver goes by the column's type, or the first row's, and gives NULL, a rounded number or
 * other text for what does not fit, and of any real only 15 digits. So each row tells of what kind its values are: `i`nteger, with its digits
 * when it needs more than 32 bits, `t`ext, `b`lob, `n`ull, `z` for text with a NUL character, where the driver ends it, and a real in all its digits.
 */
export const sqliteExact: MakeExact = async (connection, statement) => {
  const columns = (await describe(connection, statement)).map(({ name, type }, _index, all) => ({ name: original(name, all), type }));
  if (columns.length === 0) return undefined;
  const names = aliases(columns.length);
  const lists: string[] = [];
  for (let start = 0; start < names.length; start += COLUMNS_A_LIST) lists.push(names.slice(start, start + COLUMNS_A_LIST).map(kind).join(" || ' ' || "));
  return {
    sql: `with q(${names.join(", ")}) as (\n${statement.sql}\n) select ${names.join(", ")}, ${lists.map((list, index) => `${list} as k${index}`).join(", ")} from q`,
    columns,
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
    `when 'text' then case when instr(${name}, char(0)) then 'z' else 't' end else substr(typeof(${name}), 1, 1) end`
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
    if (kind.length > 1) return kind.startsWith("i") ? integer(kind.slice(1)) : plain(Number(kind.replace("Inf", "Infinity")));
    switch (kind) {
      case "n":
        return null;
      case "i":
        return numeric || floating || type === "bit" ? decode(value) : integer(text(value));
      case "b":
        if (binary) return plain(value);
        if (numeric || floating) return refuse("bytes");
        decode(value); // cut?
        return Buffer.from(text(value).slice(2, -1), "hex"); // X'00ff'
      case "t":
        if (numeric || floating) return refuse("text");
        return binary ? text(value) : decode(value);
      default:
        return refuse("text with a NUL character", `cast(${name} as blob)`);
    }
  };
}
