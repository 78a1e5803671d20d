import { parseQuery, type Condition, type HavingClause, type WhereClause } from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Row } from "../store/table";
import { compileComparison } from "./comparison";
import type { Path } from "./path";
import { malformed } from "./soql-error";

/** Whether a record meets a condition. */
export type Predicate = (row: Row) => boolean;

/** A compiled condition. */
export interface Filter {
  test: Predicate;
  /** Records that can meet it, found by an index; absent when only a scan can tell. */
  candidates?: () => readonly Row[];
}

/** What a condition is compiled against. */
export interface Scope {
  org: Org;
  object: ObjectSchema;
  /** The whole query, for error texts. */
  query: string;
  alias?: string | undefined;
  /** Finds what a condition of HAVING is about. Default: a field of the object, by its path. */
  resolve?: (condition: Condition) => Path;
}

type Token = "(" | ")" | "AND" | "OR" | "NOT" | Condition;

/** Compiles a WHERE clause. AND and OR side by side need parentheses, as in the org. */
export function compileWhere(scope: Scope, where: WhereClause | HavingClause): Filter {
  const tokens: Token[] = [];
  flatten(where, tokens);
  const parser = new ConditionParser(scope, tokens);
  return parser.parse();
}

/** Compiles a condition that stands alone, as in a validation rule. */
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
 * Refuses a query of which the parser has lost a negation: of `NOT (NOT (NOT (a)))` it hands out two (6.3.1).
 *
 * @param wheres every condition of the query, sub-selects' too
 */
export function checkNegations(query: string, wheres: readonly (WhereClause | HavingClause | undefined)[]): void {
  const tokens: Token[] = [];
  for (const where of wheres) if (where) flatten(where, tokens);
  const parsed = tokens.filter((token) => token === "NOT").length;
  const written = query.replace(/'(?:[^'\\]|\\.)*'/gs, "''").match(/\bNOT\b(?!\s+IN\b)/gi)?.length ?? 0;
  if (parsed !== written) throw malformed(query, "NOT", "negations nested as deep as here are not supported by the emulator");
}

/** The parser hands out a chain of conditions that count their parentheses; this puts them back in a row. */
function flatten(clause: WhereClause | HavingClause, tokens: Token[]): void {
  const left = clause.left as (Partial<Condition> & { openParen?: number; closeParen?: number; operator?: string }) | null;
  for (let i = 0; i < (left?.openParen ?? 0); i++) tokens.push("(");
  if (left && left.operator !== undefined) tokens.push(left as Condition);
  for (let i = 0; i < (left?.closeParen ?? 0); i++) tokens.push(")");
  if ("operator" in clause && clause.operator !== undefined) tokens.push(clause.operator);
  // The parser takes two conditions without an operator between them; here they meet and are refused.
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
