import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { RuleDefinition } from "../schema/types";
import { compileCondition, type Predicate } from "../soql/condition";
import type { Row } from "../store/table";
import type { WriteContext } from "./writer";

/** Compiles the condition of a rule, only once for each rule. When a rule is added, this finds out whether its condition is valid. */
export function compileRule(org: Org, object: ObjectSchema, rule: RuleDefinition): Predicate {
  let predicate = org.compiledRules.get(rule);
  if (!predicate) {
    predicate = compileCondition(org, object, rule.condition);
    org.compiledRules.set(rule, predicate);
  }
  return predicate;
}

/** Refuses a record for which the condition of one of its object's rules is true. */
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
