import { BackOff } from "../../../common/back-off";
import { ConnectorError } from "../../../common/errors";
import { sleep } from "../../../common/sleep";
import type { JobInfo } from "./bulk-jobs";

/** How a job is waited for. Times in ms. */
export interface PollOptions {
  /** Before the first look at most; the waits grow to {@link LONGEST}. */
  interval: number;
  /** A job that takes longer is left to itself; 0 for never. */
  timeout: number;
  /** Ends the wait. */
  signal: AbortSignal;
  /** Told after each look. */
  onProgress?: (job: JobInfo) => void;
}

/** ms between two looks at a job that takes long. */
const LONGEST = 30_000;

/**
 * Waits until a job is over, with jitter and longer waits from look to look. Whatever ends the wait, the job goes on.
 *
 * @returns the job, over or still Open
 * @throws ConnectorError `JOB_UNFINISHED` after the timeout, `FLOW_STOPPED` by the signal, each with `details.jobId`; what a look throws
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

/** @throws ConnectorError `FLOW_STOPPED` once the signal was given */
export function checkStopped(signal: AbortSignal, jobId: string | undefined): void {
  if (!signal.aborted) return;
  const text = jobId === undefined ? "The flow was stopped before its rows were loaded" : `The flow was stopped; the job ${jobId} goes on, and the message takes it up again`;
  throw new ConnectorError("FLOW_STOPPED", text, { details: jobId === undefined ? {} : { jobId } });
}
