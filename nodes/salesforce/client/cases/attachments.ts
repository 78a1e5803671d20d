import { types } from "node:util";
import { ConnectorError } from "../../../common/errors";
import type { Attachment } from "./case-item";

/** Most bytes of a file. In base64 they are 50 MB, the most that one call can carry. */
const MAX_FILE = 37_000_000;

/** The extension that a file name without one gets, by content type. The org recognises kinds of files by the extension alone. */
const EXTENSIONS: Record<string, string> = {
  "application/json": "json",
  "application/pdf": "pdf",
  "application/xml": "xml",
  "application/zip": "zip",
  "image/gif": "gif",
  "image/jpeg": "jpg",
  "image/png": "png",
  "text/csv": "csv",
  "text/html": "html",
  "text/plain": "txt",
  "text/xml": "xml",
};

/**
 * Reads the files of a message: a Buffer, an object `{name, contentType, data}` with a Buffer or text as `data`, or a list of these. `undefined`, `null`, an empty
 * text and empty files give no attachment.
 *
 * @throws ConnectorError `INPUT_INVALID` for a value of another kind, `PAYLOAD_TOO_LARGE` for a file over {@link MAX_FILE}
 */
export function readAttachments(value: unknown): Attachment[] {
  if (value === undefined || value === null || value === "") return [];
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  return list.map((one, index) => readOne(one, index + 1)).filter(({ data }) => data.length > 0);
}

function readOne(value: unknown, place: number): Attachment {
  const { name, contentType, data } = isBytes(value) ? { data: value } : ((value ?? {}) as Record<string, unknown>);
  const bytes = typeof data === "string" ? Buffer.from(data) : isBytes(data) ? Buffer.from(data) : undefined;
  if (!bytes) throw new ConnectorError("INPUT_INVALID", `Attachment ${place} is neither a Buffer nor an object with a name and data`);
  const file = nameOf(name, contentType, place);
  if (bytes.length > MAX_FILE) throw new ConnectorError("PAYLOAD_TOO_LARGE", `Attachment ${place} has ${bytes.length} bytes; the org takes ${MAX_FILE} in a call`);
  return { name: file, data: bytes };
}

function nameOf(name: unknown, contentType: unknown, place: number): string {
  const given = typeof name === "string" ? name.trim().replace(/^.*[/\\]/, "") : "";
  const base = given || `attachment-${place}`;
  if (/\.\w+$/.test(base)) return base;
  const type = typeof contentType === "string" ? (contentType.split(";")[0] ?? "").trim().toLowerCase() : "";
  const extension = EXTENSIONS[type] ?? (given ? "" : "bin");
  return extension ? `${base}.${extension}` : base;
}

/** Whether a value is a Uint8Array or Buffer. `instanceof` would miss those of a Function node, which are instances of another realm's class. */
function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value);
}
