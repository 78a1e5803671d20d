import { BoundedMap } from "../../../common/bounded-map";
import { ConnectorError } from "../../../common/errors";
import type { Parameter } from "./backend";
import type { Dialect, Statement } from "../dialect";
import { MAX_PARAMETERS, MAX_PARAMETERS_POSTGRESQL } from "../dialect/text";
import type { DialectName, NamedStatement, PlainValue } from "../protocol";
import { lex, type LexedSql, type Marker } from "../sql-lexer";
import { statementValue } from "./statement-values";

/** How many statements are remembered for each dialect. A flow has a handful. */
const MOST_KNOWN = 200;
const known = new Map<DialectName, BoundedMap<string, LexedSql>>();

/** Cuts a statement at its markers, and remembers the result. @throws ConnectorError `NOT_CONFIGURED` */
export function lexed(sql: string, dialect: DialectName): LexedSql {
  let statements = known.get(dialect);
  if (!statements) {
    statements = new BoundedMap(MOST_KNOWN);
    known.set(dialect, statements);
  }
  let found = statements.get(sql);
  if (!found) {
    found = lex(sql, dialect);
    statements.set(sql, found);
  }
  return found;
}

/**
 * Returns the statement as the driver takes it: `?` for each `:name`, and the parameters in order. Upper and lower case make different names. A list becomes as many
 * parameters as it has items. SQL has no empty list: one is possible only in `in (:ids)`, which then matches nothing, and in `not in (:ids)`, which matches everything.
 *
 * @throws ConnectorError `INPUT_INVALID` when a value is missing or cannot be a parameter, or there are too many; `NOT_CONFIGURED` when the statement itself is wrong
 */
export function bind({ sql, values }: NamedStatement, { name: dialect }: Pick<Dialect, "name">): Statement {
  const { pieces, markers } = lexed(sql, dialect);
  const parameters: Parameter[] = [];
  let text = pieces[0] as string;
  for (const [index, marker] of markers.entries()) {
    const { name } = marker;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new ConnectorError("INPUT_INVALID", `:${name} has no value`, { details: { name } });
    let next = pieces[index + 1] as string;
    if (!Array.isArray(value)) {
      parameters.push(statementValue(value as PlainValue, name, dialect));
      text += "?";
    } else if (value.length > 0) {
      for (const item of value as readonly PlainValue[]) parameters.push(statementValue(item, name, dialect));
      text += `?${", ?".repeat(value.length - 1)}`;
    } else {
      text += "null";
      next = afterEmptyList(marker, next, dialect);
    }
    text += next;
  }
  const most = dialect === "postgresql" ? MAX_PARAMETERS_POSTGRESQL : MAX_PARAMETERS;
  if (parameters.length > most) throw new ConnectorError("INPUT_INVALID", `The statement has ${parameters.length} parameters; the limit is ${most}`);
  return { sql: text, parameters };
}

/**
 * Returns the text that follows `x in (null`. A comparison with NULL is neither true nor false, so that `not in (null)` and `not (x in (null))` would match nothing
 * either. `is true`, or `is not false` after `not in`, makes it the answer that an empty list has.
 */
function afterEmptyList({ name, place }: Marker, next: string, dialect: DialectName): string {
  const hasTruth = dialect === "postgresql" || dialect === "mariadb" || dialect === "sqlite";
  if (place === "value" || !hasTruth) {
    const where = hasTruth ? `outside of "in (:${name})"` : "on this database";
    throw new ConnectorError("INPUT_INVALID", `:${name} is an empty list, which has no meaning ${where}`, { details: { name } });
  }
  return next.replace(")", place === "in" ? ") is true" : ") is not false");
}
