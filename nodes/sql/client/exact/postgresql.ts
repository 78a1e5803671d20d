import type { DatabaseConnection } from "../backend";
import { baseType } from "../base-type";
import type { Statement } from "../dialect";
import { quote } from "../dialect/text";
import type { ColumnInfo, RowValue } from "../protocol";
import { checkNames, integer } from "../row-values";
import { describe, type ExactQuery, type MakeExact } from "./exact-query";

/** How a column travels: the expression for it, by its name in the statement, and what becomes of its JSON value. */
interface Travel {
  expression(column: string): string;
  decode?(value: unknown): RowValue;
}

const asJson: Travel = { expression: (column) => column };
const asText: Travel = { expression: (column) => `${column}::text` };

/** By the type's number in pg_type, which is the same in every installation; any other type travels as PostgreSQL writes it. */
const TRAVELS = new Map<number, Travel>([
  ...[16, 18, 19, 21, 23, 25, 26, 700, 701, 1042, 1043, 1082, 1114, 2950].map((oid): [number, Travel] => [oid, asJson]),
  [17, { expression: (column) => `encode(${column}, 'hex')`, decode: (value) => (typeof value === "string" ? Buffer.from(value, "hex") : null) }],
  [20, { expression: asText.expression, decode: integer }],
  [1184, { expression: asJson.expression, decode: (value) => (typeof value === "string" ? value.replace(/\+00:00$/, "Z") : null) }],
  [2278, { expression: () => "null" }], // void
]);

/** Characters of JSON that are read at once. */
const MOST_AT_ONCE = 32 * 1024 * 1024;
/** A function takes so many arguments. */
const MOST_ARGUMENTS = 100;

interface Type {
  name: string;
  travel: Travel;
  /** As JSON, and no domain: a number of another type would be rounded as it is read. */
  isPlain: boolean;
}

/**
 * Rows come as JSON that the server writes: psqlodbc hands numerics on as doubles, drops the zone of instants, gives infinity as the year
 * 9999, NaN as NULL and a year BC as one AD, and it is slower by half.
 */
export const postgresqlExact: MakeExact = async (connection, statement) => {
  const columns = await describe(connection, statement);
  checkNames(columns);
  return columns.length === 0 ? undefined : around(statement, columns, await typesOf(connection, statement, columns.length));
};

function around({ sql }: Statement, columns: readonly { name: string }[], types: readonly Type[]): ExactQuery {
  // by name: with aliases in their places, those of a `select *` would go to other columns when the table is altered
  const names = columns.map(({ name }) => quote(name, '"'));
  const expressions = names.map((name, index) => (types[index] as Type).travel.expression(name));
  const lists: string[] = [];
  for (let start = 0; start < names.length; start += MOST_ARGUMENTS) {
    lists.push(`json_build_array(${expressions.slice(start, start + MOST_ARGUMENTS).join(", ")})::text`);
  }
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
 * Makes the query an error (42883) when a column has been given another type since. Two arrays are only compared when they are of one type; that is looked at when the statement is
 * read, and costs nothing when it runs.
 */
function whileOf(names: readonly string[], types: readonly Type[]): string {
  const same = names.flatMap((name, index) => (types[index]?.isPlain ? [`array[${name}] = null::${types[index].name}[]`] : []));
  return same.length > 0 ? ` where true or ${same.join(" or ")}` : "";
}

/** In one go, which is faster, unless they are long: there is a longest string. */
function parsed(rows: readonly string[]): RowValue[][] {
  if (rows.reduce((sum, { length }) => sum + length, 0) > MOST_AT_ONCE) return rows.map((row) => JSON.parse(row) as RowValue[]);
  return JSON.parse(`[${rows.join(",")}]`) as RowValue[][];
}

/** `[1, 2]` and `[3]` as `[1, 2, 3]`. */
function joined(lists: readonly string[]): string {
  return `[${lists.map((list) => list.slice(1, -1)).join(",")}]`;
}

/** The types of a query's columns, which only the server knows; the query is planned, but not run. */
async function typesOf(connection: DatabaseConnection, { sql, parameters }: Statement, count: number): Promise<Type[]> {
  const names = Array.from({ length: count }, (_, index) => `c${index + 1}`);
  const list = names.map((name) => `pg_typeof(q.${name})::oid`).join(", ");
  const asked = await connection.query(`select array[${list}]::text as types from (select 1) o left join (\n${sql}\n) q(${names.join(", ")}) on false`, parameters);
  const oids = String(asked.rows[0]?.["types"]).slice(1, -1).split(",").map(Number);
  // a domain is read like the type under it
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
