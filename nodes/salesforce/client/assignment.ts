import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";

/** Header for writes about a case. Without it, the org runs its assignment rule on every case that a trigger or flow changes in the same call. */
export const NO_ASSIGNMENT = { "Sforce-Auto-Assign": "FALSE" };

/**
 * Value of the header `Sforce-Auto-Assign` for a node's setting: `default` (the org's default rule runs), `off`, or the id of a rule.
 *
 * @returns `undefined` to leave the header out
 * @throws ConnectorError `NOT_CONFIGURED` for a text that is no id, as the org would refuse every record
 */
export function autoAssign(assignment = "default"): string | undefined {
  const rule = textIn(assignment);
  if (rule === "" || rule === "default") return undefined;
  if (rule === "off") return "FALSE";
  return ruleId(rule);
}

/** Checks the id of an assignment rule. @throws ConnectorError `NOT_CONFIGURED` when it is none */
export function ruleId(rule: string): string {
  if (/^01Q\w{12}(\w{3})?$/.test(rule)) return rule;
  throw new ConnectorError("NOT_CONFIGURED", `The assignment rule is given by its id (01Q…), and ${JSON.stringify(rule)} is none`);
}

/** Which rules of the org run, with the values of the forms. */
export interface RuleChoice {
  /** As {@link autoAssign}. */
  assignment?: string | undefined;
  /** `allow`: a record that a duplicate rule only warns of is stored. */
  duplicateRule?: "block" | "allow" | undefined;
}

/**
 * The headers of calls that store records. Spelled as documented: within a composite they are properties of an object, where another spelling may not count.
 *
 * @throws ConnectorError as {@link autoAssign}
 */
export function ruleHeaders({ assignment, duplicateRule }: RuleChoice): Record<string, string> {
  const rule = autoAssign(assignment);
  return {
    ...(rule === undefined ? {} : { "Sforce-Auto-Assign": rule }),
    ...(duplicateRule === "allow" ? { "Sforce-Duplicate-Rule-Header": "allowSave=true" } : {}),
  };
}
