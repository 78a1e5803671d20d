import { EVENT_FIELDS, STANDARD_OBJECTS, SYSTEM_FIELDS } from "./standard";
import type { Field, FieldDefinition, ObjectDefinition, PicklistValue, RuleDefinition } from "./types";

const DEFAULT_LENGTH: Partial<Record<Field["type"], number>> = {
  id: 18,
  reference: 18,
  string: 255,
  textarea: 255,
  picklist: 255,
  multipicklist: 4099,
  email: 80,
  phone: 40,
  url: 255,
  base64: 50_000_000,
};

/** An object of the org. Its fields are found by name in upper or lower case. */
export class ObjectSchema {
  readonly fields: readonly Field[];
  private readonly byName = new Map<string, Field>();
  private readonly byRelationship = new Map<string, Field>();
  readonly rules: RuleDefinition[];

  constructor(
    readonly name: string,
    readonly label: string,
    readonly labelPlural: string,
    readonly keyPrefix: string,
    fields: readonly Field[],
    rules: readonly RuleDefinition[],
    /** Whether the API can create its records. */
    readonly createable = true,
  ) {
    this.fields = fields;
    this.rules = rules.map((rule) => ({ ...rule }));
    for (const field of fields) {
      this.byName.set(field.name.toLowerCase(), field);
      if (field.relationshipName) this.byRelationship.set(field.relationshipName.toLowerCase(), field);
    }
  }

  /** Returns the field with this name, in upper or lower case. */
  field(name: string): Field | undefined {
    return this.byName.get(name.toLowerCase());
  }

  /** Returns the reference field with this relationship name, in upper or lower case. For `Account`, that is `AccountId`. */
  relationship(name: string): Field | undefined {
    return this.byRelationship.get(name.toLowerCase());
  }

  get custom(): boolean {
    return this.name.endsWith("__c");
  }

  /** Whether it is a platform event. These are published; they cannot be read, changed or deleted. */
  get platformEvent(): boolean {
    return isEventName(this.name);
  }
}

/** The objects of the org. */
export class Schema {
  private readonly byName = new Map<string, ObjectSchema>();

  /** @param definitions objects to add. If an object exists already, the fields and rules are added to it, and fields with the same name are replaced */
  constructor(definitions: readonly ObjectDefinition[] = []) {
    const merged = new Map<string, ObjectDefinition>();
    for (const definition of [...STANDARD_OBJECTS, ...definitions]) {
      checkObject(definition);
      const key = definition.name.toLowerCase();
      const existing = merged.get(key);
      merged.set(key, existing ? merge(existing, definition) : definition);
    }
    let customCount = 0;
    let eventCount = 0;
    const prefixes = new Map<string, string>();
    for (const definition of merged.values()) {
      const isEvent = isEventName(definition.name);
      const keyPrefix = definition.keyPrefix ?? (isEvent ? `e${String(eventCount++).padStart(2, "0")}` : `a${String(customCount++).padStart(2, "0")}`);
      const other = prefixes.get(keyPrefix);
      if (other !== undefined) throw new Error(`schema: ids of ${definition.name} and ${other} begin with the same ${keyPrefix}`);
      prefixes.set(keyPrefix, definition.name);
      const fields = [...(isEvent ? EVENT_FIELDS : SYSTEM_FIELDS), ...definition.fields].map((field) => complete(definition.name, field));
      const label = definition.label ?? plainLabel(definition.name);
      this.byName.set(
        definition.name.toLowerCase(),
        new ObjectSchema(definition.name, label, definition.labelPlural ?? `${label}s`, keyPrefix, fields, definition.rules ?? [], definition.createable),
      );
    }
    for (const object of this.byName.values()) for (const field of object.fields) this.checkReferences(object, field);
  }

  /** All objects, in the order of their definition. */
  get objects(): ObjectSchema[] {
    return [...this.byName.values()];
  }

  /** Returns the object with this name, in upper or lower case. */
  object(name: string): ObjectSchema | undefined {
    return this.byName.get(name.toLowerCase());
  }

  /** Returns the child object for a child relationship of `parent`, and its field that refers to the parent. */
  child(parent: ObjectSchema, relationshipName: string): { object: ObjectSchema; field: Field } | undefined {
    const wanted = relationshipName.toLowerCase();
    for (const object of this.byName.values()) {
      for (const field of object.fields) {
        if (field.childRelationshipName?.toLowerCase() === wanted && field.referenceTo.includes(parent.name)) return { object, field };
      }
    }
    return undefined;
  }

  private checkReferences(object: ObjectSchema, field: Field): void {
    for (const target of field.referenceTo) {
      if (!this.object(target))
        throw new Error(`schema: ${object.name}.${field.name} refers to ${target}, which is not an object of the org`);
    }
  }
}

function merge(existing: ObjectDefinition, added: ObjectDefinition): ObjectDefinition {
  const replaced = new Set(added.fields.map((field) => field.name.toLowerCase()));
  return {
    ...existing,
    ...added,
    fields: [...existing.fields.filter((field) => !replaced.has(field.name.toLowerCase())), ...added.fields],
    rules: [...(existing.rules ?? []), ...(added.rules ?? [])],
  };
}

const isEventName = (name: string): boolean => name.endsWith("__e");

function plainLabel(name: string): string {
  return name.replace(/__[ce]$/, "").replace(/_/g, " ");
}

function complete(objectName: string, field: FieldDefinition): Field {
  const isReference = field.type === "reference";
  const custom = field.name.endsWith("__c");
  const picklistValues = (field.picklistValues ?? []).map((value) => completePicklistValue(value));
  const preset = picklistValues.find((value) => value.defaultValue)?.value;
  const defaultValue = field.defaultValue ?? preset ?? (field.type === "boolean" ? false : null);
  return {
    name: field.name,
    type: field.type,
    label: field.label ?? (field.name === "Id" ? `${plainLabel(objectName)} ID` : plainLabel(field.name)),
    length: field.length ?? DEFAULT_LENGTH[field.type] ?? 0,
    precision: field.precision ?? 18,
    scale: field.type === "int" ? 0 : (field.scale ?? 2),
    required: field.required ?? false,
    createable: field.createable ?? true,
    updateable: field.updateable ?? true,
    externalId: field.externalId ?? false,
    unique: field.unique ?? false,
    caseSensitive: field.caseSensitive ?? false,
    defaultValue,
    picklistValues,
    restrictedPicklist: field.restrictedPicklist ?? false,
    referenceTo: field.referenceTo ?? [],
    relationshipName: isReference
      ? (field.relationshipName ?? (custom ? field.name.replace(/__c$/, "__r") : field.name.replace(/Id$/, "")))
      : null,
    childRelationshipName: field.childRelationshipName ?? null,
    custom,
    indexed: field.type === "id" || field.externalId === true || field.unique === true,
    defaultedOnCreate: defaultValue !== null || field.name === "OwnerId",
  };
}

function completePicklistValue(value: string | PicklistValue): Required<PicklistValue> {
  const { value: text, label = text, active = true, defaultValue = false } = typeof value === "string" ? { value } : value;
  return { value: text, label, active, defaultValue };
}

const FIELD_TYPES: ReadonlySet<string> = new Set<Field["type"]>([
  ...(["id", "string", "textarea", "picklist", "multipicklist", "boolean", "int", "double", "currency", "percent"] as const),
  ...(["date", "datetime", "email", "phone", "url", "base64", "reference"] as const),
]);

/** Checks the definition of an object. A schema file is written by hand, so the errors name what is wrong as the file does. */
function checkObject(definition: ObjectDefinition): void {
  if (typeof definition?.name !== "string" || !Array.isArray(definition.fields)) {
    throw new Error("schema: each object needs a name and a list of fields");
  }
  if (definition.platformEvent !== undefined && definition.platformEvent !== isEventName(definition.name)) {
    throw new Error(`schema: ${definition.name} must end with __e if it is a platform event, and only then`);
  }
  if (definition.keyPrefix !== undefined && !/^[0-9A-Za-z]{3}$/.test(definition.keyPrefix)) {
    throw new Error(`schema: keyPrefix of ${definition.name} must be three letters or digits`);
  }
  for (const field of definition.fields) {
    if (typeof field?.name !== "string") throw new Error(`schema: a field of ${definition.name} has no name`);
    if (!FIELD_TYPES.has(field.type))
      throw new Error(`schema: ${definition.name}.${field.name} has the unknown type ${String(field.type)}; there are ${[...FIELD_TYPES].join(", ")}`);
    if (field.type === "reference" && !field.referenceTo?.length) {
      throw new Error(`schema: ${definition.name}.${field.name} is a reference without referenceTo`);
    }
  }
}
