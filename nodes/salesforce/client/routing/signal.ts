import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { longId } from "../long-id";
import type { Happening } from "./interaction";

/** What a message says about cases. `cause` tells the message from all others. */
export type Signal =
  /** Cases themselves, by id. */
  | { about: "cases"; ids: string[]; happening: Exclude<Happening, { kind: "answer" | "due" }>; cause: string }
  /** Comments or e-mails, by id. What is absent has to be looked up. */
  | { about: "comments" | "emails"; ids: string[]; by?: string; caseId?: string; incoming?: boolean; cause: string }
  /** An answer of the contact centre, from the flow. */
  | { about: "answer"; id: string; happening: Extract<Happening, { kind: "answer" }>; cause: string; workgroup?: string }
  /** Changes that the org does not list one by one: all cases must be looked at. */
  | { about: "all"; cause: string }
  /** Nothing that matters for routing. */
  | { about: "nothing" };

/** A message that `salesforce listen` has sent, or an answer from the flow. */
export interface RouteMessage {
  payload?: unknown;
  salesforce?: unknown;
}

type Fields = Record<string, unknown>;

interface ChangeHeader extends Fields {
  entityName?: unknown;
  recordIds?: unknown;
  changeType?: unknown;
  changedFields?: unknown;
  commitUser?: unknown;
}

/** Beginnings of the ids of cases, comments and e-mails, the same in every org. */
const PREFIXES: Record<string, "Case" | "CaseComment" | "EmailMessage"> = { "500": "Case", "00a": "CaseComment", "02s": "EmailMessage" };
/** Fields that change when a case gets another owner or is reopened. */
const ARRIVING: ReadonlySet<unknown> = new Set(["OwnerId", "IsClosed", "ClosedDate"]);
const STATUSES: ReadonlySet<unknown> = new Set(["created", "failed", "ended"]);

/** Reads a message. @throws ConnectorError `INPUT_INVALID` for what is neither an event nor an answer */
export function readSignal(msg: RouteMessage): Signal {
  const payload = asObject(msg.payload);
  if (!payload) throw invalid("The payload is neither an event of Salesforce nor an answer: an object is needed");
  if ("status" in payload && "caseId" in payload) return readAnswer(payload);
  const header = asObject(payload["ChangeEventHeader"]) as ChangeHeader | undefined;
  const salesforce = asObject(msg.salesforce) ?? {};
  if (header) return readChange(header, payload, causeOf(salesforce, header));
  if (String(salesforce["channel"] ?? "").startsWith("/topic/")) return readTopic(payload, salesforce);
  throw invalid("The payload is neither a change event, nor a PushTopic's record, nor an answer {caseId, interactionId, status}");
}

function readAnswer(payload: Fields): Signal {
  const { caseId, interactionId, status, request } = payload;
  const id = idOf(caseId);
  if (PREFIXES[id?.slice(0, 3) ?? ""] !== "Case" || id === undefined) throw invalid("payload.caseId is not the id of a case");
  if (!STATUSES.has(status)) throw invalid("payload.status of an answer is none of created, failed, ended");
  const named = typeof interactionId === "string" || typeof interactionId === "number" ? String(interactionId).trim() : "";
  if (status === "created" && !named) throw invalid("payload.interactionId is missing: an interaction that was created must be named");
  const answered = textOf(request);
  const about = { ...(named ? { interactionId: named } : {}), ...(answered === undefined ? {} : { request: answered }) };
  const happening: Extract<Happening, { kind: "answer" }> = { kind: "answer", status: status as "created", ...about };
  const workgroup = textOf(payload["workgroup"]);
  return { about: "answer", id, happening, cause: `answer ${String(status)} ${named}`, ...(workgroup === undefined ? {} : { workgroup }) };
}

function readChange(header: ChangeHeader, payload: Fields, cause: string): Signal {
  const type = String(header.changeType ?? "");
  const all = Array.isArray(header.recordIds) ? header.recordIds : [];
  const ids = all.flatMap((id) => idOf(id) ?? []);
  // GAP_OVERFLOW gives a wildcard such as 500* instead of record ids
  const missing = ids.length < all.length || type === "GAP_OVERFLOW";
  const by = textOf(header.commitUser);
  switch (header.entityName) {
    case "Case":
      return missing ? { about: "all", cause } : readCaseChange(type, ids, Array.isArray(header.changedFields) ? header.changedFields : [], by, cause);
    case "CaseComment":
    case "EmailMessage":
      if (missing) return { about: "all", cause };
      if (!/CREATE$/.test(type)) return { about: "nothing" };
      return header.entityName === "CaseComment" ? comment(ids, payload, by, cause) : email(ids, payload, cause);
    default:
      return { about: "nothing" };
  }
}

function readCaseChange(type: string, ids: string[], changedFields: unknown[], by: string | undefined, cause: string): Signal {
  const author = by === undefined ? {} : { by };
  switch (type.replace("GAP_", "")) {
    case "CREATE":
      return { about: "cases", ids, happening: { kind: "created" }, cause };
    case "UNDELETE":
      return { about: "cases", ids, happening: { kind: "created" }, cause };
    case "UPDATE": {
      // a gap event does not say what has changed
      const arrived = type.startsWith("GAP_") || changedFields.some((name) => ARRIVING.has(name));
      return { about: "cases", ids, happening: { kind: "updated", arrived, ...author }, cause };
    }
    case "DELETE":
      return { about: "cases", ids, happening: { kind: "deleted" }, cause };
    default:
      return { about: "nothing" };
  }
}

/** Reads an event of a PushTopic, which tells what happened to a record, but not which fields have changed. */
function readTopic(record: Fields, salesforce: Fields): Signal {
  const id = idOf(record["Id"]);
  const type = salesforce["type"];
  if (id === undefined) throw invalid("The PushTopic's record has no Id: put Id into its SELECT");
  const cause = causeOf(salesforce, { recordIds: [id] });
  switch (PREFIXES[id.slice(0, 3)]) {
    case "Case":
      if (type === "deleted") return { about: "cases", ids: [id], happening: { kind: "deleted" }, cause };
      if (type === "updated") return { about: "cases", ids: [id], happening: { kind: "updated", arrived: true }, cause };
      return { about: "cases", ids: [id], happening: { kind: "created" }, cause };
    case "CaseComment":
      return type === "created" ? comment([id], record, undefined, cause) : { about: "nothing" };
    case "EmailMessage":
      return type === "created" ? email([id], record, cause) : { about: "nothing" };
    default:
      return { about: "nothing" };
  }
}

function comment(ids: string[], fields: Fields, commitUser: string | undefined, cause: string): Signal {
  const by = idOf(fields["CreatedById"]) ?? commitUser;
  const caseId = idOf(fields["ParentId"]);
  return { about: "comments", ids, cause, ...(by === undefined ? {} : { by }), ...(caseId === undefined ? {} : { caseId }) };
}

function email(ids: string[], fields: Fields, cause: string): Signal {
  const { Incoming } = fields;
  const caseId = idOf(fields["ParentId"]);
  return { about: "emails", ids, cause, ...(typeof Incoming === "boolean" ? { incoming: Incoming } : {}), ...(caseId === undefined ? {} : { caseId }) };
}

/** What tells an event from all others, and is the same each time it comes. */
function causeOf(salesforce: Fields, header: ChangeHeader): string {
  const uuid = textOf(salesforce["eventUuid"]);
  if (uuid) return uuid;
  const replayId = salesforce["replayId"];
  if (replayId !== undefined && replayId !== null) return `${String(salesforce["channel"] ?? "")} ${String(replayId as string | number)}`;
  return [header["transactionKey"], header["sequenceNumber"], header.entityName, header.changeType].map((part) => String((part as string) ?? "")).join(" ");
}

/** An id in 18 characters, so that ids can be compared: one of 15 is lengthened. `undefined` for anything else. */
function idOf(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/.test(value) ? longId(value) : undefined;
}

function asObject(value: unknown): Fields | undefined {
  return isPlain(value) ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function invalid(text: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", text);
}
