import { baseType } from "./base-type";

/** Runs a statement on the connection in question. */
type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

/** `call schema.name(`; each of the names may be quoted. */
const CALL = /^\s*call\s+((?:"(?:[^"]|"")+"|[\w$\u0080-\uffff]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$\u0080-\uffff]+))?)\s*\(/i;
/** Strings and quoted names: commas and brackets in them do not separate arguments. */
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g;

const TEXT = 25;
/** The type of a parameter that is only a part of an argument, or for which several procedures of the name have different types. */
export const UNKNOWN = -1;

/** The place of a parameter in a `call`. */
interface Place {
  /** Which argument it is, from 0; `undefined` when it is only a part of one, or the argument is given by name. */
  argument: number | undefined;
  /** Whether the statement itself casts it to text. */
  isText: boolean;
}

/** Whether a statement calls a procedure. PostgreSQL cannot prepare it, and so cannot be asked what it expects. */
export function isCall(sql: string): boolean {
  return CALL.test(sql);
}

/**
 * Looks up the types of a `call`'s parameters by the arguments of the procedure. Resolves with one oid of pg_type for each parameter, or {@link UNKNOWN}.
 *
 * @param pieces the texts before, between and after the parameters
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
