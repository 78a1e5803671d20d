import type { ObjectSchema } from "../schema/schema";
import { CLOSED_CASE_STATUSES } from "../schema/standard";
import type { Scalar } from "../schema/types";
import type { Store } from "../store/store";
import type { Row } from "../store/table";
import { partFields, uploadFields } from "../wave/upload";
import { fileFields } from "./content";

/** Returns the fields that the org derives from the other fields of a record, as formulas, auto numbers and compound names do. */
export function derive(store: Store, object: ObjectSchema, row: Readonly<Partial<Row>>, now: string): Record<string, Scalar> {
  switch (object.name) {
    case "Case":
      return deriveCase(store, row, now);
    case "Contact":
    case "Lead":
    case "User":
      return { Name: [row["FirstName"], row["LastName"]].filter(Boolean).join(" ") };
    case "ContentVersion":
      return row["ContentSize"] === undefined ? fileFields(row) : {};
    case "InsightsExternalData":
      return uploadFields(row, now);
    case "InsightsExternalDataPart":
      return partFields(row);
    case "EmailMessage":
      return { MessageDate: row["MessageDate"] ?? now };
    case "Group":
      return { DeveloperName: row["DeveloperName"] ?? String(row["Name"]).replace(/\W+/g, "_") };
    default:
      return {};
  }
}

function deriveCase(store: Store, row: Readonly<Partial<Row>>, now: string): Record<string, Scalar> {
  const closed = CLOSED_CASE_STATUSES.has(String(row["Status"]));
  const derived: Record<string, Scalar> = { IsClosed: closed, ClosedDate: closed ? (row["ClosedDate"] ?? now) : null };
  if (!row["CaseNumber"]) derived["CaseNumber"] = store.nextCaseNumber();
  return derived;
}
