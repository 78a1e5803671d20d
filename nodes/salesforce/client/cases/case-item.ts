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
  /** Value of the external id field. Set only if the writer has an external id field. */
  externalId?: string | number;
  /** The name of the division that took the message. Absent if the node has no divisions. */
  division?: string;
  /** A record id, the developer name of a queue, or a user name (with an `@`). If it is set, the assignment rule does not run. */
  owner?: string;
  /** A record id or a developer name. */
  recordType?: string;
  /** The value by which the contact is looked up. */
  contact?: string | number;
  /** The value by which the account is looked up. */
  account?: string | number;
  /** Text of a comment. */
  comment?: string;
  attachments?: Attachment[];
}

/** `msg.salesforce` after a case was stored: exactly one of `created`, `updated`, `left` and `commented` is true. */
export interface CaseResult {
  /** 18 characters. */
  id: string;
  /** The case number that people see. Absent if it was not asked for or could not be read. */
  caseNumber?: string;
  success: true;
  created: boolean;
  /** The case was there already and was updated. */
  updated?: true;
  /** The case was there already and was not changed, except for its status if it was reopened. */
  left?: true;
  /** The case was there already and got only the comment and the files. */
  commented?: true;
  /** The case was closed and was opened again. */
  reopened?: true;
  errors: [];
  division?: string;
}

/** The same shape as the outcome of the delivery core. It is repeated here so that the client does not depend on that. */
export type CaseOutcome = { ok: true; value: CaseResult } | { ok: false; error: ConnectorError };

/** A case that is in the org. */
export interface StoredCase {
  id: string;
  caseNumber?: string | undefined;
  how: "created" | "updated" | "left" | "commented";
  reopened?: boolean;
}

/** The progress of one case. It is kept from one try to the next, which goes on where the last one ended. */
export interface CaseWork {
  readonly item: CaseItem;
  /** Fields with the ids of records that were looked up. The item's own fields win over them. */
  links: Fields;
  /** The case was not in the org when it was first sent. If a later try finds it there, this node has made it. */
  sent?: true;
  /** The answer to a try was lost, so the org may have stored the case or may still do so. */
  lost?: true;
  stored?: StoredCase;
  /** The stored comments and files must be read before new ones are written: either these were sent once already, or the case was there before this message. */
  lookFirst?: true;
  /**
   * Set when a call with its comment or files timed out: the error, and the time, in ms of the monotonic clock, until which the org may still work on the call. A look-up
   * before that time could miss what the org is about to store.
   */
  late?: { error: ConnectorError; until: number };
  /** The error of this try, if it failed. */
  error?: ConnectorError | undefined;
  /** An error after which the case must not be sent again, because it may have been made. */
  final?: ConnectorError;
  /** The linked records were looked up once more, because the org refused one of them as gone. */
  relinked?: true;
}
