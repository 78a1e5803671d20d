import type { ObjectSchema, Schema } from "./schema";
import type { Field } from "./types";

const SOAP_TYPES: Partial<Record<Field["type"], string>> = {
  id: "tns:ID",
  reference: "tns:ID",
  boolean: "xsd:boolean",
  int: "xsd:int",
  double: "xsd:double",
  currency: "xsd:double",
  percent: "xsd:double",
  date: "xsd:date",
  datetime: "xsd:dateTime",
  base64: "xsd:base64Binary",
};

/** Whether queries can filter, sort and group by a field. They cannot by long texts and files. */
export const isFilterable = (field: Field): boolean => !(field.type === "base64" || (field.type === "textarea" && field.length > 255));

/** Objects whose records can be merged. */
export const MERGEABLE: ReadonlySet<string> = new Set(["Account", "Case", "Contact", "Lead"]);

/** Returns the short description of an object, as in the list of `/sobjects`. */
export function describeGlobal(object: ObjectSchema, base: string): Record<string, unknown> {
  return {
    name: object.name,
    label: object.label,
    labelPlural: object.labelPlural,
    keyPrefix: object.keyPrefix,
    custom: object.custom,
    createable: object.createable,
    updateable: !object.platformEvent,
    deletable: !object.platformEvent,
    queryable: !object.platformEvent,
    retrieveable: !object.platformEvent,
    searchable: !object.platformEvent,
    undeletable: !object.platformEvent,
    mergeable: MERGEABLE.has(object.name),
    replicateable: !object.platformEvent,
    triggerable: true,
    layoutable: !object.platformEvent,
    mruEnabled: !object.platformEvent,
    activateable: false,
    customSetting: false,
    deprecatedAndHidden: false,
    feedEnabled: false,
    hasSubtypes: false,
    isInterface: false,
    isSubtype: false,
    urls: {
      sobject: `${base}/sobjects/${object.name}`,
      describe: `${base}/sobjects/${object.name}/describe`,
      rowTemplate: `${base}/sobjects/${object.name}/{ID}`,
    },
  };
}

/** Returns the full description of an object. */
export function describe(schema: Schema, object: ObjectSchema, base: string): Record<string, unknown> {
  return {
    ...describeGlobal(object, base),
    fields: object.fields.map(describeField),
    childRelationships: childRelationships(schema, object),
    recordTypeInfos: [],
  };
}

function describeField(field: Field): Record<string, unknown> {
  const isText = !["boolean", "int", "double", "currency", "percent", "date", "datetime"].includes(field.type);
  const isDecimal = field.type === "double" || field.type === "currency" || field.type === "percent";
  return {
    name: field.name,
    label: field.label,
    type: field.type,
    soapType: SOAP_TYPES[field.type] ?? "xsd:string",
    length: isText ? field.length : 0,
    byteLength: isText ? field.length * 3 : 0,
    digits: field.type === "int" ? field.precision : 0,
    precision: isDecimal ? field.precision : 0,
    scale: isDecimal ? field.scale : 0,
    nillable: !field.required && field.type !== "boolean" && field.type !== "id" && field.name !== "OwnerId",
    createable: field.createable,
    updateable: field.updateable,
    custom: field.custom,
    externalId: field.externalId,
    idLookup: field.indexed,
    unique: field.unique,
    caseSensitive: field.caseSensitive,
    defaultedOnCreate: field.defaultedOnCreate || !field.createable,
    defaultValue: field.defaultValue,
    filterable: isFilterable(field),
    sortable: isFilterable(field),
    groupable: false,
    aggregatable: isFilterable(field),
    permissionable: field.updateable && !field.required,
    namePointing: false,
    polymorphicForeignKey: field.referenceTo.length > 1,
    cascadeDelete: false,
    restrictedDelete: false,
    dependentPicklist: false,
    encrypted: false,
    htmlFormatted: false,
    deprecatedAndHidden: false,
    inlineHelpText: null,
    compoundFieldName: null,
    controllerName: null,
    calculated: false,
    autoNumber: false,
    nameField: field.name === "Name" || field.name === "CaseNumber",
    restrictedPicklist: field.restrictedPicklist,
    picklistValues: field.picklistValues.map((value) => ({ ...value, validFor: null })),
    referenceTo: field.referenceTo,
    relationshipName: field.relationshipName,
  };
}

function childRelationships(schema: Schema, parent: ObjectSchema): Record<string, unknown>[] {
  return schema.objects.flatMap((object) =>
    object.fields
      .filter((field) => field.referenceTo.includes(parent.name))
      .map((field) => ({
        childSObject: object.name,
        field: field.name,
        relationshipName: field.childRelationshipName,
        cascadeDelete: false,
      })),
  );
}
