import type { Condition, LiteralType, Operator } from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import { formatDateTime, parseDate, parseDateTime } from "../dates";
import { parseId } from "../ids";
import { isFilterable } from "../schema/describe";
import type { Field, Scalar } from "../schema/types";
import type { Filter, Predicate, Scope } from "./condition";
import { dateLiteralSpan } from "./date-literals";
import { likePattern, unquote } from "./literals";
import { resolvePath, type Path } from "./path";
import { malformed, soqlError } from "./soql-error";

/** A literal: a value that is compared with stored values, or a span of such values. */
type Operand = { value: Scalar } | { start: string; end: string };

const NUMBERS: ReadonlySet<string> = new Set(["int", "double", "currency", "percent"]);

/** Compiles a condition `field operator literal`. Null is never less or greater than a value; `!=` and `NOT IN` are true for null. */
export function compileComparison(scope: Scope, condition: Condition): Filter {
  if ("valueQuery" in condition) throw malformed(scope.query, "SELECT", "semi-joins are not supported by the emulator");
  if (!("value" in condition)) throw malformed(scope.query, 0, "a condition without a value");
  const path = pathOf(scope, condition);
  const { field } = path;
  if (!isFilterable(field))
    throw soqlError("INVALID_FIELD", scope.query, field.name, `field '${field.name}' can not be filtered in a query call`);

  const literals = Array.isArray(condition.value) ? condition.value : [condition.value];
  const types = literals.map((_, i) => (Array.isArray(condition.literalType) ? condition.literalType[i] : condition.literalType));
  const operator = condition.operator;
  if (Array.isArray(condition.value) !== (operator === "IN" || operator === "NOT IN")) {
    throw malformed(scope.query, field.name, `operator ${operator} does not take this kind of value`);
  }
  if (operator === "LIKE") return { test: compileLike(scope, field, path.read, types[0], literals[0]!) };

  const operands = literals.map((literal, i) => toOperand(scope, field, literal, types[i]));
  const test = compileOperator(scope, field, operator, operands, path.read);
  const indexed = field.indexed && path.parents.length === 0 && (operator === "=" || operator === "IN");
  if (!indexed) return { test };
  const table = scope.org.store.table(scope.object);
  const values = [...new Set(operands.map((operand) => ("value" in operand ? operand.value : null)))];
  if (values.includes(null)) return { test };
  return { test, candidates: () => [...new Set(values.flatMap((value) => table.find(field, value)))] };
}

function pathOf(scope: Scope, condition: Condition): Path {
  if (scope.resolve) return scope.resolve(condition);
  if (!("field" in condition)) throw malformed(scope.query, 0, "functions in conditions are not supported by the emulator");
  return resolvePath(scope.org, scope.object, condition.field, scope.query, scope.alias);
}

function compileLike(scope: Scope, field: Field, read: (row: never) => Scalar, type: LiteralType | undefined, literal: string): Predicate {
  const isText = !NUMBERS.has(field.type) && !["boolean", "date", "datetime", "id", "reference", "multipicklist"].includes(field.type);
  if (!isText) throw new ApiError("INVALID_QUERY_FILTER_OPERATOR", `invalid operator on ${field.type} field`);
  if (type !== "STRING") throw wrongType(scope, field);
  const pattern = likePattern(literal, scope.query);
  return (row) => {
    const value = read(row as never);
    return value !== null && pattern.test(String(value));
  };
}

function compileOperator(scope: Scope, field: Field, operator: Operator, operands: Operand[], read: (row: never) => Scalar): Predicate {
  const valueOf = (row: unknown): Scalar => comparable(field, read(row as never));
  const equal = (value: Scalar, operand: Operand): boolean =>
    "value" in operand ? value === operand.value : value !== null && value >= operand.start && value < operand.end;
  const [first] = operands as [Operand, ...Operand[]];
  switch (operator) {
    case "=":
      return (row) => equal(valueOf(row), first);
    case "!=":
      return (row) => !equal(valueOf(row), first);
    case "IN":
    case "NOT IN": {
      const points = new Set(operands.flatMap((operand) => ("value" in operand ? [operand.value] : [])));
      const spans = operands.filter((operand) => !("value" in operand));
      const isIn = (value: Scalar): boolean => points.has(value) || spans.some((span) => equal(value, span));
      return operator === "IN" ? (row) => isIn(valueOf(row)) : (row) => !isIn(valueOf(row));
    }
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compileOrder(scope, field, operator, first, valueOf);
    default:
      throw malformed(scope.query, operator, `operator ${operator} is not supported by the emulator`);
  }
}

function compileOrder(
  scope: Scope,
  field: Field,
  operator: "<" | "<=" | ">" | ">=",
  operand: Operand,
  valueOf: (row: unknown) => Scalar,
): Predicate {
  if (["boolean", "id", "reference", "multipicklist"].includes(field.type)) {
    throw new ApiError("INVALID_QUERY_FILTER_OPERATOR", `invalid operator on ${field.type} field`);
  }
  if ("value" in operand && operand.value === null) throw malformed(scope.query, operator, `operator ${operator} does not take null`);
  // For a span, "less" means before its start, and "less or equal" means before its end.
  const [low, high] = "value" in operand ? [operand.value!, operand.value!] : [operand.start, operand.end];
  const isPoint = "value" in operand;
  return (row) => {
    const value = valueOf(row);
    if (value === null) return false;
    if (operator === "<") return value < low;
    if (operator === ">=") return value >= low;
    if (operator === "<=") return isPoint ? value <= high : value < high;
    return isPoint ? value > high : value >= high;
  };
}

/** Returns a stored value in the form of operands: text in lower case, and the values of a multi-select picklist in alphabetical order. */
function comparable(field: Field, value: Scalar): Scalar {
  if (typeof value === "string" && field.type === "multipicklist") return value.toLowerCase().split(";").sort().join(";");
  return typeof value === "string" && !field.caseSensitive && isCaseless(field) ? value.toLowerCase() : value;
}

const isCaseless = (field: Field): boolean => !["id", "reference", "date", "datetime"].includes(field.type);

function toOperand(scope: Scope, field: Field, literal: string, type: LiteralType | undefined): Operand {
  if (type === "NULL") return { value: null };
  switch (field.type) {
    case "boolean":
      if (type !== "BOOLEAN") throw wrongType(scope, field);
      return { value: literal.toUpperCase() === "TRUE" };
    case "int":
    case "double":
    case "currency":
    case "percent":
      if (type !== "INTEGER" && type !== "DECIMAL") throw wrongType(scope, field);
      return { value: Number(literal) };
    case "date":
    case "datetime":
      return toDateOperand(scope, field, literal, type);
    default: {
      if (type !== "STRING") throw wrongType(scope, field);
      const text = unquote(literal, scope.query);
      if (field.type !== "id" && field.type !== "reference") return { value: comparable(field, text) };
      const id = parseId(text);
      if (id === undefined) throw soqlError("INVALID_QUERY_FILTER_OPERATOR", scope.query, literal, `invalid ID field: ${text}`);
      return { value: id };
    }
  }
}

function toDateOperand(scope: Scope, field: Field, literal: string, type: LiteralType | undefined): Operand {
  if (type === "DATE_LITERAL" || type === "DATE_N_LITERAL") {
    const span = dateLiteralSpan(literal, scope.org.now());
    if (!span) throw malformed(scope.query, literal, `date literal ${literal} is not supported by the emulator`);
    const [start, end] = [formatDateTime(span.start), formatDateTime(span.end)];
    return field.type === "datetime" ? { start, end } : { start: start.slice(0, 10), end: end.slice(0, 10) };
  }
  const value =
    field.type === "date" ? (type === "DATE" ? parseDate(literal) : undefined) : type === "DATETIME" ? parseDateTime(literal) : undefined;
  if (value === undefined) throw wrongType(scope, field);
  return { value };
}

function wrongType(scope: Scope, field: Field): ApiError {
  const type =
    field.type === "datetime"
      ? "dateTime"
      : NUMBERS.has(field.type) || field.type === "boolean" || field.type === "date"
        ? field.type
        : "string";
  const quotes = type === "string" ? "should be enclosed in quotes" : "should not be enclosed in quotes";
  return soqlError(
    "INVALID_FIELD",
    scope.query,
    field.name,
    `value of filter criterion for field '${field.name}' must be of type ${type} and ${quotes}`,
  );
}
