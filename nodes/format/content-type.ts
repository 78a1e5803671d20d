/** The parts of a MIME type. */
export interface ContentType {
  /** In lower case, without parameters, as `text/csv`. */
  type: string;
  /** As written, without quotes. */
  charset: string | undefined;
  /** `header=absent` of `text/csv` (RFC 4180 §3). */
  headerAbsent: boolean;
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;
const HEADER_ABSENT = /;\s*header\s*=\s*"?absent"?\s*(;|$)/i;

/** Reads a content type; `undefined` when there is none. */
export function readContentType(text: string | undefined): ContentType | undefined {
  const type = text?.split(";", 1)[0]?.trim().toLowerCase();
  if (!text || !type) return undefined;
  return { type, charset: CHARSET.exec(text)?.[1], headerAbsent: HEADER_ABSENT.test(text) };
}
