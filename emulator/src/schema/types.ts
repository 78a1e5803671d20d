/** The field types that the emulator knows, with the names that a Salesforce describe gives them. */
export type FieldType =
  | "id"
  | "string"
  | "textarea"
  | "picklist"
  | "multipicklist"
  | "boolean"
  | "int"
  | "double"
  | "currency"
  | "percent"
  | "date"
  | "datetime"
  | "email"
  | "phone"
  | "url"
  | "base64"
  | "reference";

/** A value of a picklist. A string is short for `{ value }`. */
export interface PicklistValue {
  value: string;
  /** Default: the value. */
  label?: string;
  /** Default true. */
  active?: boolean;
  /** Whether a record gets this value when the field is left out. Default false. */
  defaultValue?: boolean;
}

/** A field in a schema file. All properties except `name` and `type` have defaults. */
export interface FieldDefinition {
  name: string;
  type: FieldType;
  /** Default: the name without `__c` and with spaces for underscores. Used in some errors, such as those of picklists and ids. */
  label?: string;
  /** Most characters. Default: 255 for string, textarea, picklist and url, 80 for email, 40 for phone. */
  length?: number;
  /** Number of digits, for `double`, `currency` and `percent`. Default 18. */
  precision?: number;
  /** How many of these digits are after the decimal point. Default 2. */
  scale?: number;
  /** Whether the field must have a value. Default false. */
  required?: boolean;
  /** Whether clients may set the field in a new record. Default true. */
  createable?: boolean;
  /** Whether clients may change the field of a record. Default true. */
  updateable?: boolean;
  /** Whether an upsert can find records by this field. Default false. */
  externalId?: boolean;
  /** Whether no two records may have the same value. Default false. */
  unique?: boolean;
  /** Whether upper and lower case are different for `unique` and for look-ups. Default false. */
  caseSensitive?: boolean;
  defaultValue?: string | number | boolean;
  picklistValues?: (string | PicklistValue)[];
  /** Whether values that are not in `picklistValues` are refused. Default false. */
  restrictedPicklist?: boolean;
  /** The objects to which a reference may refer. */
  referenceTo?: string[];
  /** Name of the relationship from child to parent, as in `Account.Name`. Default: the field's name without `Id`, or with `__r` for `__c`. */
  relationshipName?: string;
  /** Name of the relationship from parent to children, as in `SELECT (SELECT Id FROM Contacts) FROM Account`. */
  childRelationshipName?: string;
}

/**
 * A rule that refuses records, such as a validation rule, the `addError` of a trigger or a duplicate rule. It refuses a record for which its condition would be true after
 * the write.
 */
export interface RuleDefinition {
  /** A SOQL condition, for example `Priority = 'High' AND Subject = null`. */
  condition: string;
  message: string;
  /** Default `FIELD_CUSTOM_VALIDATION_EXCEPTION`. A rule with `DUPLICATES_DETECTED` does not apply with `Sforce-Duplicate-Rule-Header: allowSave=true`. */
  errorCode?: string;
  fields?: string[];
  /** How many records it refuses before it is removed. Default: there is no limit. */
  times?: number;
  /** Applies only if more records than this are written in one call, like an automation that exceeds the limits of a transaction. */
  above?: number;
}

/** An object in a schema file. System fields (`Id`, `CreatedDate`, …) are added to it. */
export interface ObjectDefinition {
  /** If it ends with `__e`, the object is a platform event. */
  name: string;
  /** Whether it is a platform event. Not necessary, but must agree with the name. */
  platformEvent?: boolean;
  label?: string;
  labelPlural?: string;
  /** The first three characters of its ids. Default: `a00`, `a01`, …, and `e00`, `e01`, … for platform events. */
  keyPrefix?: string;
  /** Whether the API can create its records. Default true. */
  createable?: boolean;
  fields: FieldDefinition[];
  rules?: RuleDefinition[];
}

/** A field with all defaults filled in. */
export interface Field extends Required<
  Omit<FieldDefinition, "picklistValues" | "defaultValue" | "relationshipName" | "childRelationshipName">
> {
  picklistValues: Required<PicklistValue>[];
  defaultValue: string | number | boolean | null;
  relationshipName: string | null;
  childRelationshipName: string | null;
  /** Whether the name ends with `__c`. */
  custom: boolean;
  /** Whether records can be found by it, as by `Id`, external ids and unique fields. */
  indexed: boolean;
  /** Whether the org fills it when it is left out. */
  defaultedOnCreate: boolean;
}

/** The value of a stored field. Dates and datetimes are text in the form of the REST API. */
export type Scalar = string | number | boolean | null;
