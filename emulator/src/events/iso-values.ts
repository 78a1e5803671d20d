import { parseDateTime } from "../dates";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";

/** Values of a record as events carry them: datetimes end with `Z`, where REST writes `+0000`. */
export function isoValues(object: ObjectSchema, values: Record<string, Scalar>): Record<string, Scalar> {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "string" && object.field(name)?.type === "datetime") values[name] = (parseDateTime(value) ?? value).replace("+0000", "Z");
  }
  return values;
}
