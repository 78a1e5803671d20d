import { chunks } from "../../../common/chunks";
import type { DatabaseConnection } from "../child/backend";
import { baseType } from "../odbc/base-type";
import type { Statement } from "../dialect";
import { quote } from "../dialect/text";
import type { ColumnInfo, RowValue } from "../protocol";
import { checkNames, integer } from "../child/row-values";
import { describe, type ExactQuery, type MakeExact } from "./exact-query";

/** How values of a type are sent: the expression to select for a column, and how its JSON value is read. */
interface Travel {
  expression(column: string): string;
  decode?(value: unknown): RowValue;
}

const asJson: Travel = { expression: (column) => column };
const asText: Travel = { expression: (column) => `${column}::text` };

/** By the oid of the type in pg_type, which is the same in every installation. Any other type is sent as text, as PostgreSQL writes it. */
const TRAVELS = new Map<number, Travel>([
  ...[16, 18, 19, 21, 23, 25, 26, 700, 701, 1042, 1043, 1082, 1114, 2950].map((oid): [number, Travel] => [oid, asJson]),
  [17, { expression: (column) => `encode(${column}, 'hex')`, decode: (value) => (typeof value === "string" ? Buffer.from(value, "hex") : null) }],
  [20, { expression: asText.expression, decode: integer }],
  [1184, { expression: asJson.expression, decode: (value) => (typeof value === "string" ? value.replace(/\+00:00$/, "Z") : null) }],
  [2278, { expression: () => "null" }], // void
]);

/** How many characters of JSON are parsed at once. */
const MOST_AT_ONCE = 32 * 1024 * 1024;
/** How many arguments a function takes. */
const MOST_ARGUMENTS = 100;

interface Type {
  name: string;
  travel: Travel;
  /**
   * Whether its values are sent as plain JSON, and it is no domain. Such a column must keep its type: values of another one, as numeric, might be rounded when
   * the JSON is read.
   */
  isPlain: boolean;
}

/**
 * The server writes each row as JSON, since psqlodbc gives numerics as doubles, drops the offset of a timestamptz, gives infinity as the year 9999, NaN as NULL
 * and a year BC as one AD. psqlodbc is also slower by half that way.
 */
export const postgresqlExact: MakeExact = async (connection, statement) => {
  const columns = await describe(connection, statement);
  checkNames(columns);
  return columns.length === 0 ? undefined : around(statement, columns, await typesOf(connection, statement, columns.length));
};

function around({ sql }: Statement, columns: readonly { name: string }[], types: readonly Type[]): ExactQuery {
  // by name: aliases by position would go to the wrong columns of a `select *` when the table is altered
  const names = columns.map(({ name }) => quote(name, '"'));
  const expressions = names.map((name, index) => (types[index] as Type).travel.expression(name));
  const lists = [...chunks(expressions, MOST_ARGUMENTS)].map((some) => `json_build_array(${some.join(", ")})::text`);
  const decoders = types.flatMap(({ travel: { decode } }, index) => (decode ? [{ index, decode }] : []));
  return {
    sql: `select ${lists.map((list, index) => `${list} as l${index + 1}`).join(", ")} from (\n${sql}\n) q${whileOf(names, types)}`,
    columns: columns.map(({ name }, index): ColumnInfo => ({ name, type: (types[index] as Type).name })),
    decode(texts) {
      const rows = parsed(texts.map((lists) => (lists.length === 1 ? (lists[0] as string) : joined(lists as string[]))));
      for (const { index, decode } of decoders) for (const row of rows) row[index] = decode(row[index]);
      return rows;
    },
  };
}

/**
 * Returns a condition that makes the query fail (42883) when a column has another type by now: arrays of different types cannot be compared. The server checks that
 * when it parses the query, and `true or` costs nothing when it runs.
 */
function whileOf(names: readonly string[], types: readonly Type[]): string {
  const same = names.flatMap((name, index) => (types[index]?.isPlain ? [`array[${name}] = null::${types[index].name}[]`] : []));
  return same.length > 0 ? ` where true or ${same.join(" or ")}` : "";
}

/** Parses the rows all at once, which is faster, or one by one when they are long, since a string has a longest length. */
function parsed(rows: readonly string[]): RowValue[][] {
  if (rows.reduce((sum, { length }) => sum + length, 0) > MOST_AT_ONCE) return rows.map((row) => JSON.parse(row) as RowValue[]);
  return JSON.parse(`[${rows.join(",")}]`) as RowValue[][];
}

/** Joins `[1, 2]` and `[3]` to `[1, 2, 3]`. */
function joined(lists: readonly string[]): string {
  return `[${lists.map((list) => list.slice(1, -1)).join(",")}]`;
}

/** Asks the server for the types of a query's columns, which the driver does not tell. The query is planned, but not run. */
async function typesOf(connection: DatabaseConnection, { sql, parameters }: Statement, count: number): Promise<Type[]> {
  const names = Array.from({ length: count }, (_, index) => `c${index + 1}`);
  const list = names.map((name) => `pg_typeof(q.${name})::oid`).join(", ");
  const asked = await connection.query(`select array[${list}]::text as types from (select 1) o left join (\n${sql}\n) q(${names.join(", ")}) on false`, parameters);
  const oids = String(asked.rows[0]?.["types"]).slice(1, -1).split(",").map(Number);
  // a domain is read like the type it is made of
  const found = await connection.query(
    `select oid::int8::text as oid, ${baseType("oid")}::int8::text as base, format_type(oid, null) as name from unnest(cast(? as oid[])) as t(oid)`,
    [`{${[...new Set(oids)].join(",")}}`],
  );
  const types = new Map(
    found.rows.map(({ oid, base, name }): [number, Type] => {
      const travel = TRAVELS.get(Number(base)) ?? asText;
      return [Number(oid), { name: String(name), travel, isPlain: travel === asJson && oid === base }];
    }),
  );
  return oids.map((oid) => types.get(oid) ?? { name: "", travel: asText, isPlain: false });
}
