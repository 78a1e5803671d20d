import { ApiError } from "../api-error";
import { parseId } from "../ids";
import type { Org } from "../org";
import type { Row } from "../store/table";
import { malformedId } from "./validation";

/** Returns the live record that an argument of a call names by its id. @throws ApiError when there is none */
export function namedRecord(org: Org, objectName: string, text: string): Row {
  const object = org.schema.object(objectName)!;
  const id = parseId(text);
  if (id === undefined || !id.startsWith(object.keyPrefix)) throw malformedId({ label: `${object.label} ID`, name: "Id" }, text);
  const row = org.store.get(id);
  if (!row) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
  if (row.IsDeleted) throw new ApiError("ENTITY_IS_DELETED", "entity is deleted", []);
  return row;
}
