import { parseQuery, type Condition, type HavingClause, type WhereClause } from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Row } from "../store/table";
import { compileComparison } from "./comparison";
import type { Path } from "./path";
import { malformed } from "./soql-error";

/** Returns whether a condition is true for a record. */
export type Predicate = (row: Row) => boolean;

/** A compiled condition. */
export interface Filter {
  test: Predicate;
  /** Returns the only records for which it can be true, by an index. Absent if all records must be tested. */
  candidates?: () => readonly Row[];
}

/** The query for which a condition is compiled. */
export interface Scope {
  org: Org;
  object: ObjectSchema;
  /** The text of the whole query, for errors. */
  query: string;
  alias?: string | undefined;
  /** Returns what a condition of HAVING is about. Default: a field of the object, by its path. */
  resolve?: (condition: Condition) => Path;
}

type Token = "(" | ")" | "AND" | "OR" | "NOT" | Condition;

/** Compiles a WHERE or HAVING clause. As in a real org, AND and OR must not be mixed without parentheses. */
export function compileWhere(scope: Scope, where: WhereClause | HavingClause): Filter {
  const tokens: Token[] = [];
  flatten(where, tokens);
  const parser = new ConditionParser(scope, tokens);
  return parser.parse();
}

/** Compiles a condition without a query, as in a validation rule. */
export function compileCondition(org: Org, object: ObjectSchema, condition: string): Predicate {
  const query = `SELECT Id FROM ${object.name} WHERE ${condition}`;
  let where: WhereClause | undefined;
  try {
    where = parseQuery(query).where;
  } catch (error) {
    throw malformed(query, 0, error instanceof Error ? error.message : String(error));
  }
  if (!where) throw new ApiError("MALFORMED_QUERY", `no condition in: ${condition}`);
  checkNegations(query, [where]);
  return compileWhere({ org, object, query }, where).test;
}

/**
 * Refuses a query in which the parser has lost a negation. For `NOT (NOT (NOT (a)))` it returns only two (seen with 6.3.1).
 *
 * @param wheres all conditions of the query, including those of sub-selects
 */
export function checkNegations(query: string, wheres: readonly (WhereClause | HavingClause | undefined)[]): void {
  const tokens: Token[] = [];
  for (const where of wheres) if (where) flatten(where, tokens);
  const parsed = tokens.filter((token) => token === "NOT").length;
  const written = query.replace(/'(?:[^'\\]|\\.)*'/gs, "''").match(/\bNOT\b(?!\s+IN\b)/gi)?.length ?? 0;
  if (parsed !== written) throw malformed(query, "NOT", "negations nested as deep as here are not supported by the emulator");
}

/** Turns a clause into a list of tokens. The parser returns a chain of conditions, each with the number of parentheses before and after it. */
function flatten(clause: WhereClause | HavingClause, tokens: Token[]): void {
  const left = clause.left as (Partial<Condition> & { openParen?: number; closeParen?: number; operator?: string }) | null;
  for (let i = 0; i < (left?.openParen ?? 0); i++) tokens.push("(");
  if (left && left.operator !== undefined) tokens.push(left as Condition);
  for (let i = 0; i < (left?.closeParen ?? 0); i++) tokens.push(")");
  if ("operator" in clause && clause.operator !== undefined) tokens.push(clause.operator);
  // The parser accepts two conditions without an operator between them. As tokens, they are refused.
  if ("right" in clause) flatten(clause.right, tokens);
}

class ConditionParser {
  private position = 0;

  constructor(
    private readonly scope: Scope,
    private readonly tokens: readonly Token[],
  ) {}

  parse(): Filter {
    const filter = this.expression();
    if (this.position < this.tokens.length) throw this.unexpected();
    return filter;
  }

  private expression(): Filter {
    const filters = [this.term()];
    const operator = this.tokens[this.position];
    while (operator === "AND" || operator === "OR") {
      if (this.tokens[this.position] !== operator) break;
      this.position++;
      filters.push(this.term());
    }
    const next = this.tokens[this.position];
    if (next === "AND" || next === "OR") throw this.unexpected();
    if (filters.length === 1) return filters[0]!;
    return operator === "AND" ? and(filters) : { test: (row) => filters.some((filter) => filter.test(row)) };
  }

  private term(): Filter {
    const token = this.tokens[this.position++];
    if (token === "NOT") {
      const { test } = this.term();
      return { test: (row) => !test(row) };
    }
    if (token === "(") {
      const filter = this.expression();
      if (this.tokens[this.position++] !== ")") throw this.unexpected(this.position - 1);
      return filter;
    }
    if (typeof token === "object") return compileComparison(this.scope, token);
    throw this.unexpected(this.position - 1);
  }

  private unexpected(position = this.position): ApiError {
    const token = this.tokens[position];
    const text = typeof token === "string" ? token : token && "field" in token ? token.field : "<EOF>";
    return malformed(this.scope.query, text, `unexpected token: '${text}'`);
  }
}

function and(filters: readonly Filter[]): Filter {
  const candidates = filters.find((filter) => filter.candidates)?.candidates;
  const test: Predicate = (row) => filters.every((filter) => filter.test(row));
  return candidates ? { test, candidates } : { test };
}
