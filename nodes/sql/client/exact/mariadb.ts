import { randomUUID } from "node:crypto";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { DatabaseConnection, DriverColumn } from "../child/backend";
import type { Statement } from "../dialect";
import { damaged, type Decode, decoderOf, integer, plain } from "../child/row-values";
import { quote } from "../dialect/text";
import { describe, type MakeExact } from "./exact-query";

/** Comes in place of a text that the driver would cut. It is random, so that no stored text is equal to it. */
const CUT = `cut ${randomUUID()}`;
/** MariaDB drops the order of a query inside another unless it has a limit. This is the largest there is, as its manual advises. */
const ALL_ROWS = "limit 18446744073709551615";
const DUPLICATE_COLUMN = 1060;
const SYNTAX = 1064;
/** A decimal with more digits is changed, since it comes as a double. */
const EXACT_DIGITS = 15;
const NOTHING: { columns: DriverColumn[] } = { columns: [] };
/** The column size that Connector/ODBC gives for signed 64-bit integers; for unsigned ones it gives 19. */
const SIGNED_BIGINT = 20;

/**
 * Connector/ODBC gives wide decimals as doubles, and unsigned integers above the signed range as negative ones without telling that they are unsigned: such
 * columns are asked for as text, or as wider integers. A float, of which it gives six digits, is asked for as a double. A short text it ends at a NUL
 * character: in place of such a text the server sends {@link CUT}.
 */
export const mariadbExact: MakeExact = async (connection, statement, { verb, words }) => {
  const columns = await described(connection, statement, verb);
  const ways = columns.map(wayOf);
  if (ways.every((way) => way === undefined)) return undefined;
  const names = columns.map(({ name }) => quote(name, "`")); // by name and not by position: a table may be altered
  const list = names.map((name, index) => ways[index]?.expression(name) ?? name);
  const body = verb === "with" ? `\n${statement.sql}\n${words.has("limit") || words.has("for") || words.has("lock") ? "" : ALL_ROWS}` : `(\n${statement.sql}\n) ${ALL_ROWS}`;
  return {
    sql: `with q as (${body}) select ${list.join(", ")} from q`,
    columns,
    fits: (given) => given.every((column, index) => ways[index]?.fits?.(column) ?? true),
    decode(rows, given) {
      const decoders = given.map((column, index) => {
        const name = columns[index]?.name ?? "";
        return ways[index]?.decode?.(name, column) ?? decoderOf({ ...column, name });
      });
      return rows.map((row) => decoders.map((decode, index) => decode(row[index])));
    },
  };
};

/** How a column is asked for and read. */
interface Way {
  expression(name: string): string;
  /** Whether the column still has the expected type. */
  fits?(given: DriverColumn): boolean;
  decode?(name: string, given: DriverColumn): Decode;
}

/** `+ 0`, and not `cast(… as signed)`: if the column has become text, the sum is a double, which `fits` sees, while the cast would silently give 0. */
const widened: Way = { expression: (name) => `${name} + 0`, fits: ({ type }) => type === "bigint" || type === "integer" };
const asText: Way = { expression: (name) => `cast(${name} as char)` };
const asDigits: Way = { ...asText, decode: () => (value) => (typeof value === "string" && /^-?\d+$/.test(value) ? integer(value) : plain(value)) };

const float: Way = { expression: (name) => `${name} + 0e0`, fits: ({ type }) => type === "double", decode: () => (value) => (typeof value === "number" ? shortest(value) : plain(value)) };
const shortText: Way = {
  expression: (name) => `if(locate(x'00', convert(${name} using utf8mb4)), '${CUT}', ${name})`,
  decode: (name, given) => {
    const decode = decoderOf({ ...given, name });
    return (value) => {
      if (value === CUT) throw damaged(name, `it holds text with a NUL character, where the driver ends it: read it with cast(${name} as binary)`);
      return decode(value);
    };
  },
};

/** Returns the number with the fewest digits that is equal to a float of 32 bits: 0.1 for what is 0.10000000149011612 in 64 bits. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

function wayOf({ type, size, scale }: DriverColumn): Way | undefined {
  if (type === "char" || type === "varchar") return shortText;
  if (type === "integer" || type === "smallint") return widened;
  if (type === "real") return float;
  if (type === "bigint") return size < SIGNED_BIGINT ? asDigits : undefined;
  return (type === "decimal" || type === "numeric") && (size > EXACT_DIGITS || scale >= size) ? asText : undefined;
}

/**
 * Asks for the columns of a query. With `limit 0` on the query itself it is not run; inside another query, one without a table would be run, and so would the
 * functions it calls, whatever they change. That second way is used only where such a limit is not possible: after `with`, on servers before 10.4, and for
 * columns with the same name, where its error names them.
 */
async function described(connection: DatabaseConnection, statement: Statement, verb: string): Promise<DriverColumn[]> {
  const { columns } = verb === "with" ? NOTHING : await connection.query(`(\n${statement.sql}\n) limit 0`, statement.parameters).catch(unlessSyntax);
  const names = new Set(columns.map(({ name }) => name.toLowerCase()));
  if (columns.length > 0 && names.size === columns.length) return columns;
  try {
    return await describe(connection, statement);
  } catch (error) {
    throw twice(error);
  }
}

/** Passes over a syntax error. Any other is the statement's own and is thrown; after a deadlock, for example, the transaction is gone. */
function unlessSyntax(error: unknown): typeof NOTHING {
  if (isConnectorError(error) && error.details["native"] === SYNTAX) return NOTHING;
  throw error;
}

function twice(error: unknown): unknown {
  if (!isConnectorError(error) || error.details["native"] !== DUPLICATE_COLUMN) return error;
  return new ConnectorError("NOT_CONFIGURED", `${error.message}: give each column a name of its own with "as"`, { details: { ...error.details, statement: true } });
}
