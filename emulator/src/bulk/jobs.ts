import { ApiError, notFound } from "../api-error";
import type { Org } from "../org";
import { parseId } from "../ids";
import type { IngestJob } from "./ingest-job";
import type { Job } from "./job";
import { Pace } from "./pace";
import type { QueryJob } from "./query-job";

/** How many jobs are on a page of a list. */
const PAGE = 1000;
/** How long jobs are kept, in ms. */
const KEPT = 7 * 24 * 3_600_000;

/** The bulk jobs of an org, with their speed and faults. */
export class Jobs {
  readonly pace = new Pace();
  private readonly jobs = new Map<string, { job: Job; made: number }>();

  constructor(private readonly org: Org) {}

  add(job: Job): void {
    // The oldest come first.
    for (const [id, { made }] of this.jobs) {
      if (this.kept(made)) break;
      this.jobs.delete(id);
    }
    this.jobs.set(job.id, { job, made: this.org.now() });
  }

  remove(job: Job): void {
    this.jobs.delete(job.id);
  }

  ingest(id: string): IngestJob {
    return this.find("V2Ingest", id) as IngestJob;
  }

  query(id: string): QueryJob {
    return this.find("V2Query", id) as QueryJob;
  }

  /** Returns one page of the list of jobs, newest first. */
  list(jobType: Job["jobType"], locator: string | null, path: string): Record<string, unknown> {
    const start = locator === null ? 0 : Number(Buffer.from(locator, "base64url").toString());
    if (!Number.isInteger(start) || start < 0) throw new ApiError("INVALIDLOCATOR", "The queryLocator is not one of a list of jobs");
    const all = [...this.jobs.values()].filter((one) => one.job.jobType === jobType && this.kept(one.made)).reverse();
    const end = start + PAGE;
    const done = end >= all.length;
    return {
      done,
      nextRecordsUrl: done ? null : `${path}?queryLocator=${Buffer.from(String(end)).toString("base64url")}`,
      records: all.slice(start, end).map(({ job }) => ({ ...job.summary(), jobType })),
    };
  }

  private find(jobType: Job["jobType"], id: string): Job {
    const found = this.jobs.get(parseId(id) ?? "");
    if (found?.job.jobType !== jobType || !this.kept(found.made)) throw notFound();
    return found.job;
  }

  private kept(made: number): boolean {
    return this.org.now() - made < KEPT;
  }
}

/** Jobs by store. A reset replaces the store, so the jobs are gone after it. */
const jobsByStore = new WeakMap<Org["store"], Jobs>();

/** Returns the jobs of an org since its last reset. */
export function jobsOf(org: Org): Jobs {
  let jobs = jobsByStore.get(org.store);
  if (!jobs) {
    jobs = new Jobs(org);
    jobsByStore.set(org.store, jobs);
  }
  return jobs;
}
