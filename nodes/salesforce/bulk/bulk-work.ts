import type { ConnectorError } from "../../common/errors";
import type { LaneState } from "../client/org-lane";
import type { ReadState } from "../../delivery/read-state";

/** A message as Node-RED hands it over. */
export interface BulkMessage {
  msg: object;
  /** One message, or none, for each output. */
  send(messages: (object | null)[]): void;
  done(error?: Error): void;
}

/** How far the job at work is. */
export interface Progress {
  /** Rows the org has worked on. */
  processed: number;
  /** Rows there are, as far as they are known: of a query nobody knows. */
  rows?: number;
}

/** What a bulk node does, for its status. */
export type BulkState = { doing: "writing"; lane: LaneState; progress?: Progress } | { doing: "reading"; read: ReadState; progress?: Progress };

/** What a bulk node does with its messages. */
export interface BulkWork {
  /** To be called in the input handler, before anything is awaited. */
  take(message: BulkMessage): void;
  /** Ends what can be ended soon and gives the rest back; jobs go on in the org. */
  close(): Promise<void>;
}

/** ms that jobs under way may still end in, when the node closes; then they are left to themselves. */
export const GRACE = 1_000;

/** An error with the job it is about, for `msg.salesforce`: who catches the message can take the job up. */
export function jobOf(error: ConnectorError): { jobId: string } | undefined {
  const { jobId } = error.details;
  return typeof jobId === "string" ? { jobId } : undefined;
}
