import type { WhereClause } from "@jetstreamapp/soql-parser-js";
import { ApiError } from "../api-error";
import type { ObjectSchema } from "../schema/schema";

const LINK_FIELDS = new Set(["contentdocumentid", "linkedentityid"]);

/** Refuses a query for links of files that does not name the files or the linked records. */
export function checkRestrictions(object: ObjectSchema, where: WhereClause | undefined): void {
  if (object.name !== "ContentDocumentLink" || namesLinks(where)) return;
  const fields = "ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN operator";
  throw new ApiError("MALFORMED_QUERY", `Implementation restriction: ContentDocumentLink requires a filter by a single Id on ${fields}.`);
}

function namesLinks(where: WhereClause | undefined): boolean {
  for (let clause = where; clause; clause = "right" in clause ? clause.right : undefined) {
    const { left } = clause;
    if (left && "field" in left && LINK_FIELDS.has(left.field.toLowerCase()) && ["=", "IN"].includes(left.operator)) return true;
  }
  return false;
}
