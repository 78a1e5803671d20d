import { BoundedMap } from "../../../common/bounded-map";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { type Parameter, Untyped } from "../child/backend";
import { baseType } from "./base-type";
import { callTypes, isCall, UNKNOWN } from "./call-types";
import type { Statement } from "../dialect";
import { KEEP_SESSIONS } from "../errors";
import { sqlTimestamp } from "../dialect/text";
import { cutAtMarks } from "../sql-lexer";
import { invalid } from "../child/statement-values";

/** Runs a statement on the connection in question. */
type Ask = (sql: string) => Promise<Record<string, unknown>[]>;

interface Known {
  /** The texts before, between and after the parameters. */
  pieces: string[];
  /** The oid of each parameter's type in pg_type; for a domain that of the type it is made of. */
  types: number[];
  until: number;
}

/** A statement with its parameters as the server expects them. */
export interface ResolvedStatement extends Statement {
  /** Whether the types were found out for an earlier run, and so may be wrong by now. */
  recalled: boolean;
}

/** The beginning of statements that PostgreSQL can prepare. Of all others only `call` takes parameters. */
const PREPARABLE = /^[\s(]*(select|insert|update|delete|merge|with|values|table)\b/i;
const MOST_KNOWN = 500;
/** ms that the types of a statement are remembered: a column may be given another type. */
const HOLDS = 60_000;

const BYTES = 17;
const DATE = 1082;
const TIMESTAMP = 1114;
const NUMBERS = new Set([20, 21, 23, 26, 700, 701, 1700]);
/**
 * Types of text. The cast has no effect while the place is of that type. When it has become a time meanwhile, the server refuses the text, which psqlodbc would read
 * as below.
 */
const TEXTS = new Map([[25, "text"], [1042, "bpchar"], [1043, "varchar"]]);
/**
 * Types whose values psqlodbc reads itself, dropping what it does not know: the time after a `T`, an offset, `infinity`. So they are sent as text, which the
 * server reads.
 */
const TIMES = new Map([[DATE, "date"], [1083, "time"], [TIMESTAMP, "timestamp"], [1184, "timestamptz"], [1186, "interval"], [1266, "timetz"]]);

/**
 * Gives parameters the form that PostgreSQL expects at their places. The server is asked for their types, once per statement. Without that, the driver would itself
 * read text for a timestamp, take text for bytes as hexadecimal digits, and store a boolean as the text 1.
 */
export class ParameterTypes {
  private readonly known = new BoundedMap<string, Known>(MOST_KNOWN);

  /**
   * Returns the statement to run, with casts where they are needed and encoded parameters.
   *
   * @throws ConnectorError the server's, `INPUT_INVALID` for a value that does not fit its place, or `NOT_CONFIGURED` behind a pooler that keeps no sessions
   */
  async resolve({ sql, parameters }: Statement, ask: Ask): Promise<ResolvedStatement> {
    let known = this.known.get(sql);
    const recalled = known !== undefined && performance.now() < known.until;
    if (!known || !recalled) {
      known = await find(sql, ask).catch((error: unknown) => {
        throw withName(error, parameters);
      });
      this.known.set(sql, known);
    }
    const { pieces, types } = known;
    let text = pieces[0] as string;
    for (let index = 1; index < pieces.length; index += 1) {
      text += placeFor(types[index - 1] ?? 0) + (pieces[index] as string);
    }
    return { sql: text, parameters: parameters.map((value, index) => encode(value, types[index] ?? 0)), recalled };
  }

  /** To be called when the statement has failed: a table of it may have been altered, or made again, with other types. */
  forget(sql: string): void {
    this.known.delete(sql);
  }
}

function placeFor(type: number): string {
  const time = TIMES.get(type);
  if (time !== undefined) return `cast(cast(? as text) as ${time})`;
  const text = TEXTS.get(type);
  if (text !== undefined) return `cast(? as ${text})`;
  return type === BYTES ? "cast(? as bytea)" : "?"; // without the cast the driver would send the bytes for a domain over bytea as text
}

/** How many attempts failed. It is part of the prepared statement's name, since a failed attempt may have left one behind. */
let failures = 0;

async function find(sql: string, ask: Ask): Promise<Known> {
  const pieces = cutAtMarks(sql);
  if (isCall(sql)) return { pieces, types: await callTypes(pieces, ask), until: performance.now() + HOLDS };
  if (!PREPARABLE.test(sql)) return { pieces, types: [], until: Infinity };
  const numbered = pieces.map((piece, index) => (index === 0 ? piece : `$${index}${piece}`)).join("");
  const name = `surewire_types_${failures}`;
  try {
    await ask(`prepare ${name} as ${numbered}`);
    const [row] = await ask(
      `select cast(array_agg(${baseType("type")} order by place) as text) as types from pg_prepared_statements, unnest(cast(parameter_types as oid[])) with ordinality as p(type, place) ` +
        `where name = '${name}'`,
    );
    const types = row?.["types"];
    if (typeof types !== "string") throw notOneSession();
    await ask(`deallocate ${name}`);
    return { pieces, types: types.slice(1, -1).split(",").map(Number), until: performance.now() + HOLDS };
  } catch (error) {
    failures += 1;
    throw error;
  }
}

/** Adds the parameter's name to PostgreSQL's error for one whose type cannot be found, as in `:id is null`. The server gives only its number. */
function withName(error: unknown, parameters: readonly Parameter[]): unknown {
  if (!isConnectorError(error) || error.details["state"] !== "42P18") return error;
  const parameter = parameters[Number(/\$(\d+)/.exec(error.message)?.[1]) - 1];
  if (!(parameter instanceof Untyped)) return error;
  const { name } = parameter;
  return new ConnectorError(error.code, `:${name}: the statement does not tell its type where it stands: write cast(:${name} as text), or the type it has`, { details: { ...error.details, name }, cause: error });
}

/** Returns the error when the types cannot be found out. Without them the driver would silently drop the time or the offset of a timestamp. */
function notOneSession(): ConnectorError {
  const why = "PostgreSQL does not know what was prepared on this connection a moment ago: it seems that a pooler gives each statement another session";
  return new ConnectorError("NOT_CONFIGURED", `${why}; ${KEEP_SESSIONS}`);
}

function encode(parameter: Parameter, type: number): Parameter {
  if (!(parameter instanceof Untyped)) return TIMES.has(type) && parameter !== null ? String(parameter) : parameter;
  const { value, name } = parameter;
  if (value instanceof Uint8Array) {
    if (type === BYTES || type === 0 || type === UNKNOWN) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    throw invalid(name, "these are bytes, and the database does not expect any there");
  }
  if (typeof value === "boolean" && NUMBERS.has(type)) return Number(value);
  const text = value instanceof Date ? value.toISOString() : String(value);
  if (type === BYTES) return Buffer.from(text);
  if (type === TIMESTAMP || type === DATE || (type === UNKNOWN && value instanceof Date)) return sqlTimestamp(text);
  if (type === UNKNOWN && sqlTimestamp(text) !== text) {
    throw invalid(name, `the driver would drop the time of day, or the offset, if a timestamp is expected there: write cast(cast(:${name} as text) as timestamptz), or cast(:${name} as text) for a text`);
  }
  return text;
}
