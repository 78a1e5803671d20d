import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import type { Row } from "../store/table";

/** A duplicate rule. It refuses a record that has the same values as another one in all of the rule's fields. */
export interface DuplicateRuleDefinition {
  object: string;
  /** Default `Standard_Rule`. */
  name?: string;
  /** Case does not matter. A record with an empty field matches nothing. */
  fields: string[];
  /** `alert`: the record is accepted with `Sforce-Duplicate-Rule-Header: allowSave=true`. `block`: it is always refused. Default `alert`. */
  action?: "alert" | "block";
}

interface Rule extends Required<Omit<DuplicateRuleDefinition, "fields">> {
  fields: Field[];
}

/** The duplicate rules of an org. */
export class DuplicateRules {
  private rules: Rule[] = [];

  constructor(private readonly org: Org) {}

  add({ object, name = "Standard_Rule", fields, action = "alert" }: DuplicateRuleDefinition): void {
    const schema = this.org.schema.object(object);
    if (!schema) throw new Error(`the org has no object ${object}`);
    const found = fields.map((field) => {
      const one = schema.field(field);
      if (!one) throw new Error(`${object} has no field ${field}`);
      return one;
    });
    this.rules.push({ object: schema.name, name, fields: found, action });
  }

  /** Refuses a record of which a rule finds duplicates in the org. */
  check(object: ObjectSchema, row: Row, allowSave: boolean): void {
    for (const rule of this.rules) {
      if (rule.object !== object.name || (allowSave && rule.action === "alert")) continue;
      const matches = this.matches(object, rule, row);
      if (matches.length > 0) throw duplicate(object, rule, matches);
    }
  }

  /** Returns the duplicates of a record, for each rule that finds some. */
  find(object: ObjectSchema, row: Row): { rule: string; action: "alert" | "block"; matches: Row[] }[] {
    const own = this.rules.filter((rule) => rule.object === object.name);
    return own.map((rule) => ({ rule: rule.name, action: rule.action, matches: this.matches(object, rule, row) })).filter(({ matches }) => matches.length > 0);
  }

  clear(): void {
    this.rules = [];
  }

  private matches(object: ObjectSchema, { fields }: Rule, row: Row): Row[] {
    const wanted = fields.map((field) => key(row[field.name]));
    if (wanted.includes("")) return [];
    const found: Row[] = [];
    for (const other of this.org.store.table(object).all()) {
      if (!other.IsDeleted && other.Id !== row.Id && fields.every((field, index) => key(other[field.name]) === wanted[index])) found.push(other);
    }
    return found;
  }
}

const key = (value: Scalar | undefined): string => String(value ?? "").toLowerCase();

function duplicate(object: ObjectSchema, rule: Rule, matches: readonly Row[]): ApiError {
  const message = "Use one of these records?";
  const matchRecords = matches.map((row) => ({
    additionalInformation: [],
    fieldDiffs: [],
    matchConfidence: 100,
    record: { attributes: { type: object.name, url: `/services/data/sobjects/${object.name}/${row.Id}` }, Id: row.Id },
  }));
  const duplicateResult = {
    allowSave: rule.action === "alert",
    duplicateRule: rule.name,
    duplicateRuleEntityType: object.name,
    errorMessage: message,
    matchResults: [
      { entityType: object.name, errors: [], matchEngine: "ExactMatchEngine", matchRecords, rule: rule.name, size: matches.length, success: true },
    ],
  };
  return new ApiError("DUPLICATES_DETECTED", message, []).with({ duplicateResult });
}
