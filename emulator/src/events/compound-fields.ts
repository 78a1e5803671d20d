import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";

/** Objects whose `Name` consists of parts, and is a compound and not a field of its own in a change event. */
const PEOPLE: ReadonlySet<string> = new Set(["Contact", "Lead", "User"]);
const NAME_PARTS = ["Salutation", "FirstName", "LastName"];
const ADDRESS = /^(.*?)(Street|City|State|PostalCode|Country)$/;
const ADDRESSES: ReadonlySet<string> = new Set(["Billing", "Shipping", "Mailing", "Other"]);

/** Returns the place of a field in a change event: the compound and the part, such as `["BillingAddress", "City"]`, or only its own name. */
export function place(object: ObjectSchema, field: string): [name: string, part?: string] {
  if (PEOPLE.has(object.name) && NAME_PARTS.includes(field)) return ["Name", field];
  const [, prefix = "", part = ""] = ADDRESS.exec(field) ?? [];
  return !object.custom && ADDRESSES.has(prefix) ? [`${prefix}Address`, part] : [field];
}

/** Returns the flat values of a change event nested into compounds, as in its JSON. */
export function nested(object: ObjectSchema, values: Readonly<Record<string, Scalar>>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(values)) {
    const [name, part] = place(object, field);
    if (part === undefined) result[name] = value;
    else Object.assign((result[name] ??= {}) as object, { [part]: value });
  }
  return result;
}

/** Returns the name of a field in the header, such as `BillingAddress.City`. */
export const headerName = (object: ObjectSchema, field: string): string => place(object, field).join(".");

const carried = new WeakMap<ObjectSchema, ObjectSchema["fields"]>();

/** Returns the fields that a change event can have. The id is in its header instead, and a deletion is shown by its type. */
export function changeEventFields(object: ObjectSchema): ObjectSchema["fields"] {
  let fields = carried.get(object);
  if (!fields) carried.set(object, (fields = fieldsCarried(object)));
  return fields;
}

function fieldsCarried(object: ObjectSchema): ObjectSchema["fields"] {
  const left = new Set(["Id", "IsDeleted", "SystemModstamp", ...(PEOPLE.has(object.name) ? ["Name"] : [])]);
  return object.fields.filter((field) => !left.has(field.name) && field.type !== "base64");
}
