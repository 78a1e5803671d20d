import { createHash } from "node:crypto";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import type { Row, Undo } from "../store/table";

/** Checks a file that is created. @returns the fields that the org derives from its data */
export function fileFields(row: Readonly<Partial<Row>>): Record<string, Scalar> {
  const path = String(row["PathOnClient"] ?? "");
  const missing = [...(path ? [] : ["PathOnClient"]), ...(row["VersionData"] ? [] : ["VersionData"])];
  if (missing.length > 0) throw new ApiError("REQUIRED_FIELD_MISSING", `Required fields are missing: [${missing.join(", ")}]`, missing);
  if (row["ContentDocumentId"] && row["FirstPublishLocationId"]) {
    const text = "FirstPublishLocationId can only be set on the first version of a file";
    throw new ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", text, ["FirstPublishLocationId"]);
  }
  const data = Buffer.from(String(row["VersionData"]), "base64");
  const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot + 1) : null;
  return {
    Title: row["Title"] ?? (dot > 0 ? name.slice(0, dot) : name),
    ContentSize: data.length,
    Checksum: createHash("md5").update(data).digest("hex"),
    FileExtension: extension,
    FileType: extension?.toUpperCase() ?? "UNKNOWN",
    IsLatest: true,
  };
}

/** Creates the document of a new version and links it to its owner and its place. If the version names an existing document, it is added to that. */
export function publishFile(org: Org, version: Row): Undo[] {
  const insert = (object: ObjectSchema, values: Record<string, Scalar>): Row => {
    const row = { ...system, ...values, Id: org.store.ids.next(object.keyPrefix), IsDeleted: false } as Row;
    undo.push(org.store.table(object).insert(row));
    return row;
  };
  const undo: Undo[] = [];
  const { CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp } = version;
  const system = { CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp } as Record<string, Scalar>;
  const documents = org.schema.object("ContentDocument")!;
  const versions = org.store.table(org.schema.object("ContentVersion")!);
  const shown = { Title: version["Title"], ContentSize: version["ContentSize"], FileExtension: version["FileExtension"], FileType: version["FileType"] };
  const latest = { ...shown, LatestPublishedVersionId: version.Id } as Record<string, Scalar>;

  const existing = version["ContentDocumentId"] ? org.store.get(String(version["ContentDocumentId"])) : undefined;
  if (existing) {
    const before = [...versions.all()].filter((row) => row["ContentDocumentId"] === existing.Id && row !== version);
    for (const row of before) undo.push(versions.update(row, { IsLatest: false }));
    undo.push(versions.update(version, { VersionNumber: String(before.length + 1) }));
    undo.push(org.store.table(documents).update(existing, latest));
    return undo;
  }
  const document = insert(documents, { ...latest, OwnerId: version["OwnerId"] ?? null });
  undo.push(versions.update(version, { ContentDocumentId: document.Id, VersionNumber: "1" }));
  const links = org.schema.object("ContentDocumentLink")!;
  insert(links, { ContentDocumentId: document.Id, LinkedEntityId: version["OwnerId"] ?? null, ShareType: "I", Visibility: "AllUsers" });
  const place = version["FirstPublishLocationId"];
  if (place && place !== version["OwnerId"]) {
    insert(links, { ContentDocumentId: document.Id, LinkedEntityId: place, ShareType: "V", Visibility: "AllUsers" });
  }
  return undo;
}

