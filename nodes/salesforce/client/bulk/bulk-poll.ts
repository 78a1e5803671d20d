import { BackOff } from "../../../common/back-off";
import { ConnectorError } from "../../../common/errors";
import { sleep } from "../../../common/sleep";
import type { JobInfo } from "./bulk-jobs";

/** How to wait for a job. Times in ms. */
export interface PollOptions {
  /** Longest first wait between two looks. Later waits grow up to {@link LONGEST}. */
  interval: number;
  /** How long to wait for the job; 0: for ever. */
  timeout: number;
  /** Ends the wait. */
  signal: AbortSignal;
  /** Called after each look. */
  onProgress?: (job: JobInfo) => void;
}

/** Longest wait between two looks, in ms. */
const LONGEST = 30_000;

/**
 * Waits until a job has ended: looks at once, then after waits that grow and have jitter. When the wait is ended early, the job goes on.
 *
 * @returns the job, which has ended or is still Open (not closed after its upload)
 * @throws ConnectorError `JOB_UNFINISHED` after the timeout, `FLOW_STOPPED` on the signal, each with `details.jobId`; whatever `look` throws
 */
export async function untilOver(id: string, look: (id: string) => Promise<JobInfo>, { interval, timeout, signal, onProgress }: PollOptions): Promise<JobInfo> {
  const began = performance.now();
  const backOff = new BackOff({ initial: interval, max: Math.max(LONGEST, interval), factor: 1.5 });
  for (;;) {
    checkStopped(signal, id);
    const job = await look(id);
    onProgress?.(job);
    if (job.state !== "UploadComplete" && job.state !== "InProgress") return job;
    const left = timeout > 0 ? began + timeout - performance.now() : Infinity;
    if (left <= 0) {
      const text = `The job ${id} has not ended within ${timeout / 1000} s. It goes on; the same message, sent again, takes it up again`;
      throw new ConnectorError("JOB_UNFINISHED", text, { details: { jobId: id, state: job.state } });
    }
    await sleep(Math.min(backOff.next(), left), signal);
  }
}

/** Throws once the flow was stopped. @throws ConnectorError `FLOW_STOPPED` */
export function checkStopped(signal: AbortSignal, jobId: string | undefined): void {
  if (!signal.aborted) return;
  const text = jobId === undefined ? "The flow was stopped before its rows were loaded" : `The flow was stopped; the job ${jobId} goes on, and the message takes it up again`;
  throw new ConnectorError("FLOW_STOPPED", text, { details: jobId === undefined ? {} : { jobId } });
}
