import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { RuleDefinition } from "../schema/types";
import { compileCondition, type Predicate } from "../soql/condition";
import type { Row } from "../store/table";
import type { WriteContext } from "./writer";

/** Compiles a rule's condition once, so that a wrong one is told when it is added and not when the first record comes. */
export function compileRule(org: Org, object: ObjectSchema, rule: RuleDefinition): Predicate {
  let predicate = org.compiledRules.get(rule);
  if (!predicate) {
    predicate = compileCondition(org, object, rule.condition);
    org.compiledRules.set(rule, predicate);
  }
  return predicate;
}

/** Refuses a record that a rule of its object holds for. */
export function checkRules(org: Org, object: ObjectSchema, row: Row, context: WriteContext): void {
  for (const rule of [...object.rules]) {
    const errorCode = rule.errorCode ?? "FIELD_CUSTOM_VALIDATION_EXCEPTION";
    if (errorCode === "DUPLICATES_DETECTED" && context.allowDuplicates) continue;
    if (rule.above !== undefined && (context.together ?? 1) <= rule.above) continue;
    if (!compileRule(org, object, rule)(row)) continue;
    if (rule.times !== undefined && --rule.times <= 0) object.rules.splice(object.rules.indexOf(rule), 1);
    throw new ApiError(errorCode, rule.message, rule.fields ?? []);
  }
}
