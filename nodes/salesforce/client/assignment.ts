import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";

/** For what is written about a case: without it the org runs its rule on every case that a trigger or flow changes in the same call. */
export const NO_ASSIGNMENT = { "sforce-auto-assign": "FALSE" };

/**
 * `Sforce-Auto-Assign` for what a node was told: `default` (the org's default rule runs), `off`, or the id of a rule.
 *
 * @returns undefined where the header is left out
 * @throws ConnectorError `NOT_CONFIGURED` for what is no id: the org would refuse every record
 */
export function autoAssign(assignment = "default"): string | undefined {
  const rule = textIn(assignment);
  if (rule === "" || rule === "default") return undefined;
  if (rule === "off") return "FALSE";
  return ruleId(rule);
}

/** The id of an assignment rule. @throws ConnectorError `NOT_CONFIGURED` */
export function ruleId(rule: string): string {
  if (/^01Q\w{12}(\w{3})?$/.test(rule)) return rule;
  throw new ConnectorError("NOT_CONFIGURED", `The assignment rule is given by its id (01Q…), and ${JSON.stringify(rule)} is none`);
}

/** Which rules of the org run, in the words of the forms. */
export interface RuleChoice {
  /** As {@link autoAssign}. */
  assignment?: string | undefined;
  /** `allow`: a record is stored that a duplicate rule only warns of. */
  duplicateRule?: "block" | "allow" | undefined;
}

/** The headers of calls that store records. @throws ConnectorError as {@link autoAssign} */
export function ruleHeaders({ assignment, duplicateRule }: RuleChoice): Record<string, string> {
  const rule = autoAssign(assignment);
  return {
    ...(rule === undefined ? {} : { "sforce-auto-assign": rule }),
    ...(duplicateRule === "allow" ? { "sforce-duplicate-rule-header": "allowSave=true" } : {}),
  };
}
