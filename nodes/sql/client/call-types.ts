import { baseType } from "./base-type";

/** Runs a statement on the connection in question. */
type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

/** `call schema.name(`, without quotes or in them. */
const CALL = /^\s*call\s+((?:"(?:[^"]|"")+"|[\w$\u0080-\uffff]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$\u0080-\uffff]+))?)\s*\(/i;
/** Strings and quoted names: what stands in them parts no arguments. */
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g;

const TEXT = 25;
/** Of a parameter that is no argument by itself, or of a procedure that there is more than one of. */
export const UNKNOWN = -1;

/** Where a parameter stands. */
interface Place {
  /** Which argument it is, from 0; none when it is only a part of one, or goes by name. */
  argument: number | undefined;
  /** The statement itself makes it text. */
  isText: boolean;
}

/** Whether a statement calls a procedure. PostgreSQL cannot prepare it, and so cannot be asked what it expects. */
export function isCall(sql: string): boolean {
  return CALL.test(sql);
}

/**
 * The types of the parameters of a `call`, as numbers in pg_type, by the procedure's arguments.
 *
 * @param pieces the text around the parameters
 */
export async function callTypes(pieces: readonly string[], ask: Ask): Promise<number[]> {
  const name = CALL.exec(pieces[0] ?? "")?.[1]?.replaceAll("'", "''") ?? "";
  const found = await ask(
    `select string_agg(cast(${baseType("a.type")} as text), ',' order by a.place) as types ` +
      `from (select parse_ident('${name}') as parts) i, pg_proc p, unnest(coalesce(p.proallargtypes, cast(p.proargtypes as oid[]))) with ordinality as a(type, place) ` +
      "where p.prokind = 'p' and p.proname = parts[cardinality(parts)] " +
      "and case when cardinality(parts) > 1 then p.pronamespace = to_regnamespace(quote_ident(parts[1])) else pg_function_is_visible(p.oid) end group by p.oid",
  );
  const procedures = found.map(({ types }) => String(types).split(",").map(Number));
  return placesOf(pieces).map(({ argument, isText }) => {
    if (isText) return TEXT;
    const types = argument === undefined ? [] : procedures.flatMap((all) => all[argument] ?? []);
    return new Set(types).size === 1 ? (types[0] as number) : UNKNOWN;
  });
}

function placesOf(pieces: readonly string[]): Place[] {
  const texts = pieces.map((piece) => piece.replace(QUOTED, "x"));
  let depth = 0;
  let argument = 0;
  return texts.slice(1).map((after, index) => {
    const before = texts[index] as string;
    for (const character of before) {
      if (character === "(") depth += 1;
      else if (character === ")") depth -= 1;
      else if (character === "," && depth === 1) argument += 1;
    }
    const alone = depth === 1 && /[(,]\s*$/.test(before) && /^\s*[),]/.test(after);
    const isText = /^\s*::\s*(text|varchar)\b/i.test(after) || (/\bcast\s*\(\s*$/i.test(before) && /^\s*as\s+(text|varchar)\b/i.test(after));
    return { argument: alone ? argument : undefined, isText };
  });
}
