import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";

/** Objects whose `Name` is put together of parts, and so is no field of its own in a change event. */
const PEOPLE: ReadonlySet<string> = new Set(["Contact", "Lead", "User"]);
const NAME_PARTS = ["Salutation", "FirstName", "LastName"];
const ADDRESS = /^(.*?)(Street|City|State|PostalCode|Country)$/;
const ADDRESSES: ReadonlySet<string> = new Set(["Billing", "Shipping", "Mailing", "Other"]);

/** Where a field stands in a change event: `["BillingAddress", "City"]`, or its own name alone. */
export function place(object: ObjectSchema, field: string): [name: string, part?: string] {
  if (PEOPLE.has(object.name) && NAME_PARTS.includes(field)) return ["Name", field];
  const [, prefix = "", part = ""] = ADDRESS.exec(field) ?? [];
  return !object.custom && ADDRESSES.has(prefix) ? [`${prefix}Address`, part] : [field];
}

/** The flat values of a change event, as its JSON shows them. */
export function nested(object: ObjectSchema, values: Readonly<Record<string, Scalar>>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(values)) {
    const [name, part] = place(object, field);
    if (part === undefined) result[name] = value;
    else Object.assign((result[name] ??= {}) as object, { [part]: value });
  }
  return result;
}

/** How the header names a field: `BillingAddress.City`. */
export const headerName = (object: ObjectSchema, field: string): string => place(object, field).join(".");

const carried = new WeakMap<ObjectSchema, ObjectSchema["fields"]>();

/** Fields that a change event can carry. The id stands in its header, and that a record is deleted in its type. */
export function changeEventFields(object: ObjectSchema): ObjectSchema["fields"] {
  let fields = carried.get(object);
  if (!fields) carried.set(object, (fields = fieldsCarried(object)));
  return fields;
}

function fieldsCarried(object: ObjectSchema): ObjectSchema["fields"] {
  const left = new Set(["Id", "IsDeleted", "SystemModstamp", ...(PEOPLE.has(object.name) ? ["Name"] : [])]);
  return object.fields.filter((field) => !left.has(field.name) && field.type !== "base64");
}
