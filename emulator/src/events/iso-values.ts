import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import type { Row } from "../store/table";

/** Names of the datetime fields of an object. */
const times = new WeakMap<ObjectSchema, ReadonlySet<string>>();

/** Returns the value of a record's field as in events, where datetimes end with `Z`; REST writes `+0000`. */
export function isoValue(object: ObjectSchema, row: Row, name: string): Scalar {
  const value = row[name] ?? null;
  return value !== null && timesOf(object).has(name) ? String(value).replace("+0000", "Z") : value;
}

function timesOf(object: ObjectSchema): ReadonlySet<string> {
  let names = times.get(object);
  if (!names) times.set(object, (names = new Set(object.fields.filter(({ type }) => type === "datetime").map(({ name }) => name))));
  return names;
}
