import { ApiError } from "../api-error";
import type { Request } from "../http";

/** Most characters of a multipart request. */
const MAX_CONTENT = 100_000;

/** Returns the two parts of a multipart request, which creates a job together with its data; `undefined` for other requests. */
export function multipartJob(request: Request): { job: Record<string, unknown>; content: Buffer } | undefined {
  const contentType = String(request.headers["content-type"] ?? "");
  if (!/^multipart\/form-data\b/i.test(contentType)) return undefined;
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const mark = boundary?.[1] ?? boundary?.[2];
  if (mark === undefined) throw new ApiError("INVALIDJOB", "The multipart request has no boundary");
  const text = request.body.toString("utf8");
  if (text.length > MAX_CONTENT) throw new ApiError("INVALIDJOB", `A multipart request may have ${MAX_CONTENT} characters`);
  const parts = new Map<string, { type: string; text: string }>();
  for (const part of `\r\n${text}`.split(`\r\n--${mark}`).slice(1, -1)) {
    const [head = "", body = ""] = part.replace(/^\r\n/, "").split(/\r\n\r\n(.*)/s);
    const name = /\bname="?([^";\r\n]+)"?/i.exec(head)?.[1] ?? "";
    parts.set(name, { type: /^content-type:\s*([^;\s]+)/im.exec(head)?.[1] ?? "", text: body });
  }
  const [job, content] = [parts.get("job"), parts.get("content")];
  if (job?.type.toLowerCase() !== "application/json" || content?.type.toLowerCase() !== "text/csv") {
    throw new ApiError("INVALIDJOB", "A multipart create has the parts job (application/json) and content (text/csv)");
  }
  let json: unknown;
  try {
    json = JSON.parse(job.text);
  } catch {
    throw new ApiError("JSON_PARSER_ERROR", "The part job is no JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new ApiError("JSON_PARSER_ERROR", "The part job is no JSON object");
  return { job: json as Record<string, unknown>, content: Buffer.from(content.text) };
}
