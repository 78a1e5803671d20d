import { within } from "../../common/deadline";
import type { ConnectorError } from "../../common/errors";
import type { Trigger } from "../../delivery/reading/errand";
import type { ReadState } from "../../delivery/reading/read-state";
import type { IngestJobRequest } from "../client/bulk/bulk-jobs";
import type { LaneState } from "../client/org-lane";
import type { WriteSettings } from "./settings";

/** The progress of the current job. */
export interface Progress {
  /** How many rows the org has processed. */
  processed: number;
  /** How many rows there are in all. Undefined for a query, where it is not known. */
  rows?: number;
}

/** What a bulk node is doing, for its status. */
export type BulkState = { doing: "writing"; lane: LaneState; progress?: Progress } | { doing: "reading"; read: ReadState; progress?: Progress };

/** The work of a bulk node with its messages. */
export interface BulkWork {
  /** Accepts a message. It must be called in the input handler before anything is awaited. */
  take(trigger: Trigger): void;
  /** Finishes what can be finished soon and gives the other messages back. Their jobs go on in the org. */
  close(): Promise<void>;
}

/** How long, in ms, a closing node waits for its jobs to end. After that they go on in the org without it. */
const GRACE = 1_000;

/** Waits for lanes that are being closed. @param stop ends the wait for their jobs after a moment */
export async function whenClosed(closing: Promise<unknown>, stop: AbortController): Promise<void> {
  await within(closing, GRACE);
  stop.abort();
  await closing;
}

/** Returns the id of the job that an error is about, for `msg.salesforce`, so that the flow that catches the message can resume the job. `undefined` without a job. */
export function jobOf(error: ConnectorError): { jobId: string } | undefined {
  const { jobId } = error.details;
  return typeof jobId === "string" ? { jobId } : undefined;
}

type Target = Pick<WriteSettings, "object" | "operation" | "columnDelimiter" | "lineEnding" | "externalIdField" | "assignmentRule">;

/** What the org is asked for when a job is made for rows. */
export function jobRequest({ object, operation, columnDelimiter, lineEnding, externalIdField, assignmentRule }: Target): IngestJobRequest {
  return {
    object,
    operation,
    columnDelimiter,
    lineEnding,
    ...(externalIdField ? { externalIdFieldName: externalIdField } : {}),
    ...(assignmentRule ? { assignmentRuleId: assignmentRule } : {}),
  };
}
