import { counted } from "../../common/counted";
import { ConnectorError, isConnectorError, toConnectorError } from "../../common/errors";
import { putOn } from "../../common/put-on";
import { tooManyRows } from "../../common/too-many-rows";
import { type TypedValue, whenAllReady } from "../../common/typed-input";
import type { Trigger } from "../../delivery/reading/errand";
import type { ItemResult } from "../../delivery/sink/sink";
import { type BulkInput, bulkInput } from "../client/bulk/bulk-input";
import { BulkJobs, type JobInfo } from "../client/bulk/bulk-jobs";
import { fieldsOf, readJob } from "../client/bulk/bulk-job-results";
import { MAX_BYTES, partsOf } from "../client/bulk/bulk-parts";
import { untilOver } from "../client/bulk/bulk-poll";
import { isLostAnswer, lostAnswer } from "../client/records/lost-answer";
import { Suspicion, writesGetThrough } from "../client/suspicion";
import type { OrgClient } from "../client/org";
import { OrgLane } from "../client/org-lane";
import { checkJobId } from "./bulk-read";
import { type BulkState, type BulkWork, jobRequest, whenClosed } from "./bulk-work";
import type { CommandSettings } from "./settings";

/** The commands for jobs. `resume` of a query job is not carried out here: it reads rows, so `BulkRead` does it. */
export const COMMANDS = [
  ...(["createJob", "uploadData", "closeJob", "resume", "abortJob", "deleteJob", "jobInfo", "jobs"] as const),
  ...(["successfulResults", "failedResults", "unprocessedRecords", "queryResults"] as const),
] as const;

/** One of {@link COMMANDS}. */
export type Command = (typeof COMMANDS)[number];

/** The options of {@link JobCommands}. */
export interface JobCommandsOptions {
  settings: CommandSettings;
  org: OrgClient;
  jobId: TypedValue;
  /** Reads the rows of an upload from a message. */
  rows: TypedValue;
  /** Whether anything is wired to the second output, which sends the failed rows. */
  isWired(): boolean;
  warn(text: string): void;
  onState(state: BulkState): void;
}

/** The command for one message. */
interface Order {
  jobId: string;
  data: BulkInput | undefined;
  /** Whether the answer of an earlier try was lost, so that the org may have carried it out. */
  lost: boolean;
}

/** The properties that are set on the message. */
interface Answer {
  payload?: unknown;
  salesforce: object;
  /** The same for the message of the second output. Absent if no row failed. */
  failed?: { payload: unknown; salesforce: object };
}

/** How many commands are under way at once. */
const AT_ONCE = 4;

/** Carries out one command of Bulk API 2.0 for each message. */
export class JobCommands implements BulkWork {
  private readonly lane: OrgLane<Order, Answer>;
  private readonly jobs: BulkJobs;
  private readonly suspicion = new Suspicion();
  private readonly stop = new AbortController();

  constructor(private readonly options: JobCommandsOptions) {
    const { org, warn, onState } = options;
    this.jobs = new BulkJobs(org.rest);
    this.lane = new OrgLane<Order, Answer>({
      ...{ org, warn, batchSize: 1, linger: 0, concurrency: AT_ONCE, retriesInPlace: 0, maxWaiting: 1_000 },
      write: async ([order]) => [await this.give(order as Order)],
      onState: (lane) => onState({ doing: "writing", lane }),
    });
    onState({ doing: "writing", lane: this.lane.state });
  }

  take({ msg, send, done }: Trigger): void {
    let order: Order | Promise<Order>;
    try {
      order = this.orderFor(msg);
    } catch (error) {
      return done(toConnectorError(error, "INPUT_INVALID"));
    }
    this.lane.take(msg, order, done, ({ failed, ...own }) => {
      const outputs = [putOn(msg, own), failed ? { ...msg, ...failed } : null];
      send(this.options.settings.failedOutput ? outputs : outputs.slice(0, 1));
    });
  }

  async close(): Promise<void> {
    await whenClosed(this.lane.close(), this.stop);
  }

  private orderFor(msg: object): Order | Promise<Order> {
    const { command, style } = this.options.settings;
    const isOfNoJob = command === "createJob" || command === "jobs";
    const id = isOfNoJob ? undefined : this.options.jobId(msg);
    const rows = command === "uploadData" ? this.options.rows(msg) : undefined;
    return whenAllReady([id, rows], ([jobId, value]) => ({
      jobId: isOfNoJob ? "" : checkJobId(jobId),
      data: command === "uploadData" ? bulkInput(value, false, style.delimiter) : undefined,
      lost: false,
    }));
  }

  private async give(order: Order): Promise<ItemResult<Answer>> {
    try {
      return { ok: true, value: await this.perform(order) };
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (isLostAnswer(error)) order.lost = true;
      return { ok: false, error: await this.suspicion.judged(order, error, () => writesGetThrough(this.options.org.rest)) };
    }
  }

  private async perform(order: Order): Promise<Answer> {
    const { settings } = this.options;
    const ofQuery = settings.jobType === "query";
    const { jobs } = this;
    const id = order.jobId;
    switch (settings.command) {
      case "createJob":
        return told(await this.create());
      case "uploadData":
        return this.upload(order);
      case "closeJob":
        return told(await this.unlessActed(order, jobs.closeJob(id), "Open"));
      case "abortJob":
        return told(await this.unlessActed(order, ofQuery ? jobs.abortQueryJob(id) : jobs.abortJob(id), "Open", "UploadComplete", "InProgress", "JobComplete", "Failed"));
      case "deleteJob":
        await (ofQuery ? jobs.deleteQueryJob(id) : jobs.deleteJob(id)).catch((error: unknown) => {
          if (!order.lost || !isConnectorError(error) || error.details.errorCode !== "NOT_FOUND") throw error;
        });
        return { salesforce: { jobId: id, deleted: true } };
      case "jobInfo":
        return told(await this.info(id));
      case "jobs":
        return { payload: await (ofQuery ? jobs.getAllQueryJobInfo() : jobs.getAllJobInfo()), salesforce: {} };
      case "resume":
        return this.resume(order);
      case "queryResults":
        return this.queryResults(id);
      default:
        return this.results(id, settings.command);
    }
  }

  private create(): Promise<JobInfo> {
    const { settings } = this.options;
    const { jobType, operation, query, columnDelimiter, lineEnding } = settings;
    if (jobType === "query") return this.jobs.createQueryJob({ operation: operation as "query", query, columnDelimiter, lineEnding });
    return this.jobs.createJob(jobRequest({ ...settings, operation: operation as "insert" }));
  }

  private info(id: string): Promise<JobInfo> {
    return this.options.settings.jobType === "query" ? this.jobs.getQueryJobInfo(id) : this.jobs.getJobInfo(id);
  }

  /** Uploads the rows. A job accepts only one upload, so one whose answer was lost is not repeated. */
  private async upload({ jobId, data }: Order): Promise<Answer> {
    let rows = 0;
    let csv: Buffer | undefined;
    for await (const part of partsOf(data as BulkInput, this.options.settings.style, { rows: Infinity, bytes: MAX_BYTES })) {
      if (csv) throw new ConnectorError("PAYLOAD_TOO_LARGE", `A job takes ${MAX_BYTES} bytes: part the rows among several`);
      csv = part.csv;
      rows = part.rows.length;
    }
    if (!csv) throw new ConnectorError("INPUT_INVALID", "There are no rows to upload");
    await this.jobs.uploadJobData(jobId, csv).catch((error: unknown) => {
      throw isConnectorError(error) && isLostAnswer(error) ? lostAnswer(error, "upload") : error;
    });
    return { salesforce: { jobId, state: "Open", rows } };
  }

  /** Checks, when a try is refused after the answer of an earlier one was lost, whether the earlier one has changed the job. @param before states of an unchanged job */
  private async unlessActed(order: Order, call: Promise<JobInfo>, ...before: JobInfo["state"][]): Promise<JobInfo> {
    try {
      return await call;
    } catch (error) {
      if (!order.lost || !isConnectorError(error) || error.scope === "system") throw error;
      const job = await this.info(order.jobId);
      if (before.includes(job.state)) throw error;
      return job;
    }
  }

  private async results(id: string, list: "successfulResults" | "failedResults" | "unprocessedRecords"): Promise<Answer> {
    const job = await this.jobs.getJobInfo(id);
    const payload: Record<string, string>[] = [];
    const take = (cells: string[], columns: readonly string[]): void => void payload.push(fieldsOf(cells, columns));
    if (list === "successfulResults") await this.jobs.getSuccessfulResults(job, take);
    else if (list === "failedResults") await this.jobs.getFailedResults(job, take);
    else await this.jobs.getUnprocessedResults(job, take);
    return { payload, salesforce: summary(job) };
  }

  private async queryResults(id: string): Promise<Answer> {
    const { maxRows } = this.options.settings;
    const job = await this.jobs.getQueryJobInfo(id);
    const payload: Record<string, string>[] = [];
    if ((job.numberRecordsProcessed ?? 0) > maxRows) throw tooManyRows(maxRows, "wait for the job and take its results (resume), which sends them as rows or pages", { details: { jobId: id } });
    for (let locator: string | undefined, more = true; more; more = locator !== undefined) {
      const page = await this.jobs.getQueryJobResults(job, locator === undefined ? {} : { locator });
      for (const cells of page.rows) payload.push(fieldsOf(cells, page.columns));
      locator = page.locator;
    }
    return { payload, salesforce: summary(job) };
  }

  /** Waits for the end of an existing ingest job, and returns the results of its rows. */
  private async resume(order: Order): Promise<Answer> {
    const { jobId: id } = order;
    const { pollInterval: interval, timeout, failedOutput, keepAll } = this.options.settings;
    const job = await untilOver(id, (one) => this.jobs.getJobInfo(one), { interval, timeout, signal: this.stop.signal, onProgress: () => this.suspicion.forget(order) });
    if (job.state === "Open") throw new ConnectorError("ORG_REFUSED", `The job ${id} is open: nobody has closed it, so it does not run`, { details: { jobId: id, state: job.state } });
    const { failures, ...found } = await readJob(this.jobs, job, keepAll);
    const lost = found.failed + found.unprocessed;
    const salesforce = { ...summary(job), success: lost === 0, ...found };
    if (lost === 0) return { salesforce };
    if (failedOutput && this.options.isWired()) return { salesforce, failed: { payload: failures.map(({ fields }) => fields), salesforce: { ...salesforce, results: failures } } };
    throw new ConnectorError("ORG_REFUSED", `${counted(lost, "row")} of the job ${id} did not get into the org; the first: ${failures[0]?.errors[0]?.message ?? ""}`, {
      details: { jobId: id, state: job.state, failed: found.failed, unprocessed: found.unprocessed },
    });
  }
}

function told(job: JobInfo): Answer {
  return { payload: job, salesforce: summary(job) };
}

function summary({ id, state, operation, object }: JobInfo): object {
  return { jobId: id, state, ...(operation === undefined ? {} : { operation }), ...(object === undefined ? {} : { object }) };
}
