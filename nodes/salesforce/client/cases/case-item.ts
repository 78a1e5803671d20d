import type { ConnectorError } from "../../../common/errors";
import type { Fields } from "../records/collections";

/** A file for a case. */
export interface Attachment {
  /** File name with its extension. */
  name: string;
  data: Buffer;
}

/** One case to store. */
export interface CaseItem {
  fields: Fields;
  /** Value of the external id field; only when the writer upserts. */
  externalId?: string | number;
  /** The division that took the message; absent without divisions. */
  division?: string;
  /** A record id, the developer name of a queue, or a user name (with an `@`). The assignment rule does not run then. */
  owner?: string;
  /** A record id or a developer name. */
  recordType?: string;
  /** What the contact is looked up by. */
  contact?: string | number;
  /** What the account is looked up by. */
  account?: string | number;
  /** Text of a comment. */
  comment?: string;
  attachments?: Attachment[];
}

/** `msg.salesforce` after a case was stored: exactly one of `created`, `updated`, `left` and `commented` is true. */
export interface CaseResult {
  /** 18 characters. */
  id: string;
  /** As people call the case; absent when it was not asked for. */
  caseNumber?: string;
  success: true;
  created: boolean;
  /** The case was there and has been updated. */
  updated?: true;
  /** The case was there and was left as it is. */
  left?: true;
  /** The case was there and got the comment and the files. */
  commented?: true;
  /** The case was closed and has been opened again. */
  reopened?: true;
  errors: [];
  division?: string;
}

/** As the delivery core's, spelled here so that the client stands alone. */
export type CaseOutcome = { ok: true; value: CaseResult } | { ok: false; error: ConnectorError };

/** A case that is in the org. */
export interface StoredCase {
  id: string;
  caseNumber?: string | undefined;
  how: "created" | "updated" | "left" | "commented";
  reopened?: boolean;
}

/** How far one case has come. It outlives a try, so that the next one goes on where the last one ended. */
export interface CaseWork {
  readonly item: CaseItem;
  /** Fields that were looked up; those of the item come before them. */
  links: Fields;
  /** It was not in the org when it was sent first: if it is there now, that was us. */
  sent?: true;
  /** Nobody knows what became of a try: the org may still be at it. */
  lost?: true;
  stored?: StoredCase;
  /** Its comment or files were sent and may be there, or the case is older than this work: look before they are written. */
  lookFirst?: true;
  /** A call with its comment or files was not answered in time, by this error. The org may still be at it until then, in ms by the clock that nobody sets: looked for earlier, what it is about to store is not found. */
  late?: { error: ConnectorError; until: number };
  /** What became of it in this try. */
  error?: ConnectorError | undefined;
  /** An error that another try must not touch: the case may have been made. */
  final?: ConnectorError;
  /** Looked up once more after the org did not know a record any longer. */
  relinked?: true;
}

/** Whether the fields give `name`, in whatever case it is spelled. */
export function gives(fields: Fields, name: string): boolean {
  const wanted = name.toLowerCase();
  return Object.keys(fields).some((field) => field.toLowerCase() === wanted);
}
