import { randomUUID } from "node:crypto";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { DatabaseConnection, DriverColumn } from "../backend";
import type { Statement } from "../dialect";
import { damaged, type Decode, decoderOf, integer, plain } from "../row-values";
import { quote } from "../dialect/text";
import { describe, type MakeExact } from "./exact-query";

/** What stands for a text that would be cut: nobody else's. */
const CUT = `cut ${randomUUID()}`;
/** MariaDB drops the order of a query inside another unless it has a limit; the largest there is, as its manual has it. */
const ALL_ROWS = "limit 18446744073709551615";
const DUPLICATE_COLUMN = 1060;
const SYNTAX = 1064;
/** A decimal with more digits comes through a double, and changed. */
const EXACT_DIGITS = 15;
const NOTHING: { columns: DriverColumn[] } = { columns: [] };
/** Connector/ODBC gives signed 64-bit integers this size, and unsigned ones 19. */
const SIGNED_BIGINT = 20;

/**
 * Connector/ODBC hands wide decimals on as doubles, and unsigned integers past the signed range as negative ones without telling that they
 * are unsigned: such columns are asked for as text, or as wider integers. Of a float it gives six digits. In a short text a NUL character ends it: the server puts a mark in its place.
 */
export const mariadbExact: MakeExact = async (connection, statement, { verb, words }) => {
  const columns = await described(connection, statement, verb);
  const ways = columns.map(wayOf);
  if (ways.every((way) => way === undefined)) return undefined;
  const names = columns.map(({ name }) => quote(name, "`")); // not by place: a table may be altered
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

/** How a column is asked for. */
interface Way {
  expression(name: string): string;
  /** Whether what comes is still of the kind that was described. */
  fits?(given: DriverColumn): boolean;
  decode?(name: string, given: DriverColumn): Decode;
}

/** A sum, and not `cast(… as signed)`, which makes 0 of text and tells nobody: that of text is a double. */
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

/** A number of 32 bits in the fewest digits that tell it from others: 0.1, which is 0.10000000149011612 in 64 bits. */
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
 * The columns of a query. Within another, one without a table is run to be described, and with it a function it calls, whatever that changes: a limit of its own keeps it
 * from that. It cannot have one behind `with`, on servers before 10.4, or with two columns of one name, which is told then.
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

/** Any other error is the statement's own: with a deadlock's, the transaction is gone. */
function unlessSyntax(error: unknown): typeof NOTHING {
  if (isConnectorError(error) && error.details["native"] === SYNTAX) return NOTHING;
  throw error;
}

function twice(error: unknown): unknown {
  if (!isConnectorError(error) || error.details["native"] !== DUPLICATE_COLUMN) return error;
  return new ConnectorError("NOT_CONFIGURED", `${error.message}: give each column a name of its own with "as"`, { details: { ...error.details, statement: true } });
}
