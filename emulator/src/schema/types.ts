/** The field types the emulator knows, by the names of a Salesforce describe. */
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

/** One value of a picklist; a bare string stands for `{ value }`. */
export interface PicklistValue {
  value: string;
  /** Default: the value. */
  label?: string;
  /** Default true. */
  active?: boolean;
  /** The value a record gets when the field is left out. Default false. */
  defaultValue?: boolean;
}

/** One field, as a schema file writes it. Everything but `name` and `type` has a default. */
export interface FieldDefinition {
  name: string;
  type: FieldType;
  /** Default: the name, with `__c` and underscores taken out. Stands in picklist and id errors. */
  label?: string;
  /** Characters; default 255 for text, 80 for email, 40 for phone, 255 for url, 255 for textarea. */
  length?: number;
  /** Digits in all and behind the point, for `double`, `currency`, `percent`. Default 18 and 2. */
  precision?: number;
  scale?: number;
  /** Must have a value. Default false. */
  required?: boolean;
  /** Default true; false for fields the org fills. */
  createable?: boolean;
  updateable?: boolean;
  /** Can be named in an upsert. Default false. */
  externalId?: boolean;
  /** No two records may share a value. Default false. */
  unique?: boolean;
  /** Whether `unique` and look-ups tell upper from lower case. Default false. */
  caseSensitive?: boolean;
  defaultValue?: string | number | boolean;
  picklistValues?: (string | PicklistValue)[];
  /** A value that is not in `picklistValues` is refused. Default false. */
  restrictedPicklist?: boolean;
  /** Objects a reference may point to. */
  referenceTo?: string[];
  /** Name of the way up, as in `Account.Name`. Default: the name without `Id`, or with `__r` for `__c`. */
  relationshipName?: string;
  /** Name of the way down, as in `SELECT (SELECT Id FROM Contacts) FROM Account`. */
  childRelationshipName?: string;
}

/**
 * A rule that refuses records: a validation rule, a trigger's `addError`, a duplicate rule.
 * A record that the condition holds for after the write is refused.
 */
export interface RuleDefinition {
  /** A SOQL condition, for example `Priority = 'High' AND Subject = null`. */
  condition: string;
  message: string;
  /** Default `FIELD_CUSTOM_VALIDATION_EXCEPTION`. `DUPLICATES_DETECTED` yields to `Sforce-Duplicate-Rule-Header: allowSave=true`. */
  errorCode?: string;
  fields?: string[];
  /** How many records it refuses before it is gone; default: all. */
  times?: number;
  /** It holds only where more records than this are written in one call: automation that runs out of what one transaction may use. */
  above?: number;
}

/** One object, as a schema file writes it. System fields (`Id`, `CreatedDate`, …) come by themselves. */
export interface ObjectDefinition {
  /** A name that ends with `__e` makes it a platform event. */
  name: string;
  /** Says so once more; must fit the name. */
  platformEvent?: boolean;
  label?: string;
  labelPlural?: string;
  /** First three characters of its ids. Default: `a00`, `a01`, … for objects the emulator does not know. */
  keyPrefix?: string;
  /** Whether the API can create records of it. Default true. */
  createable?: boolean;
  fields: FieldDefinition[];
  rules?: RuleDefinition[];
}

/** A field with every default filled in. */
export interface Field extends Required<
  Omit<FieldDefinition, "picklistValues" | "defaultValue" | "relationshipName" | "childRelationshipName">
> {
  picklistValues: Required<PicklistValue>[];
  defaultValue: string | number | boolean | null;
  relationshipName: string | null;
  childRelationshipName: string | null;
  /** Ends with `__c`. */
  custom: boolean;
  /** Can a record be found by it: `Id`, external ids and unique fields. */
  indexed: boolean;
  /** Filled by the org when left out, so never reported as missing. */
  defaultedOnCreate: boolean;
}

/** What a stored field can hold. Dates and datetimes are text in the form the REST API writes. */
export type Scalar = string | number | boolean | null;
