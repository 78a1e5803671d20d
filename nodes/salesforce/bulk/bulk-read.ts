import { type Parameter, Parameters } from "../../common/parameters";
import { plainCopy } from "../../common/plain-copy";
import type { Store } from "../../common/store";
import { type TypedValue, whenReady } from "../../common/typed-input";
import { ConnectorError, toConnectorError } from "../../common/errors";
import type { FlowAccess } from "../../delivery/flow-access";
import type { Trigger } from "../../delivery/reading/errand";
import { TriggeredRead } from "../../delivery/reading/triggered-read";
import type { TriggeredReadOptions } from "../../delivery/reading/triggered-read-options";
import { JobBook } from "../client/bulk/bulk-book";
import { BulkJobs } from "../client/bulk/bulk-jobs";
import { type BulkPages, BulkQuery, type BulkRecord } from "../client/bulk/bulk-query";
import type { OrgClient } from "../client/org";
import { Suspicion, writesGetThrough } from "../client/suspicion";
import { bindQuery, prepareQuery } from "../client/query/query-binding";
import { readingFrom } from "../client/reading";
import { type BulkWork, jobOf, type Progress } from "./bulk-work";
import type { ReadSettings } from "./settings";

/** What to read for a message: the rows of a query, or those of an existing job. */
interface Question {
  msg: object;
  query?: string;
  jobId?: string;
}

type Reading = TriggeredReadOptions<Question, BulkRecord, BulkPages>;

/** The options of a {@link BulkRead}: those of any triggered read, except for those that the org itself provides. */
export interface BulkReadOptions extends FlowAccess, Pick<Reading, "onState" | "patience"> {
  settings: ReadSettings;
  org: OrgClient;
  store: Store;
  parameters: readonly Parameter[];
  /** Reads the id of the job from a message, for `resume`. */
  jobId: TypedValue;
  onProgress(progress: Progress | undefined): void;
}

/** Runs a query job for each message, one after the other, and sends its rows as fast as the flow settles them. */
export class BulkRead implements BulkWork {
  private readonly reading: TriggeredRead<Question, BulkRecord, BulkPages>;
  private readonly stop = new AbortController();

  constructor({ settings, org, store, parameters, jobId, onProgress, ...options }: BulkReadOptions) {
    const { operation, output, columnDelimiter, lineEnding, pollInterval: interval, timeout } = settings;
    const suspicion = new Suspicion();
    const query = new BulkQuery({
      guarded: (subject, ask) => suspicion.guarded(subject, ask, () => writesGetThrough(org.rest)),
      jobs: new BulkJobs(org.rest),
      book: JobBook.of(options.node.id, store, org),
      poll: { interval, timeout, signal: this.stop.signal },
      onProgress: (processed) => onProgress({ processed }),
    });
    const prepared = prepareQuery(settings.query, "soql");
    const values = new Parameters(prepared.names, parameters, (value) => value);
    this.reading = new TriggeredRead<Question, BulkRecord, BulkPages>({
      ...options,
      settings,
      ...readingFrom(org),
      valuesFor: (msg) => {
        if (operation === "resume") return whenReady(jobId(msg), (id): Question => ({ msg, jobId: checkJobId(id) }));
        return whenReady(values.for(msg), (ready): Question => ({ msg, query: bindQuery(prepared, ready) }));
      },
      open: async (question) => {
        const request = { operation: operation === "queryAll" ? "queryAll" : "query", query: question.query ?? "", columnDelimiter, lineEnding } as const;
        try {
          return await (question.jobId === undefined ? query.run(request, question) : query.pages(question.jobId, question));
        } catch (thrown) {
          const error = toConnectorError(thrown);
          if (jobOf(error)) Reflect.set(question.msg, "salesforce", jobOf(error)); // fails without an error for a frozen message
          throw error;
        } finally {
          onProgress(undefined);
        }
      },
      message: ({ job }, rows) => ({
        payload: plainCopy(output === "row" ? rows[0] : rows),
        salesforce: { jobId: job.id, state: job.state, totalSize: job.numberRecordsProcessed },
      }),
    });
  }

  take(trigger: Trigger): void {
    this.reading.take(trigger);
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.reading.close();
  }
}

/** Returns the trimmed id of a job. @throws ConnectorError `INPUT_INVALID` when the value is not such an id */
export function checkJobId(value: unknown): string {
  const id = typeof value === "string" ? value.trim() : "";
  if (/^750\w{12}(\w{3})?$/.test(id)) return id;
  throw new ConnectorError("INPUT_INVALID", `A job's id is 15 or 18 characters that begin with 750; ${value === undefined ? "it is missing" : "this is not one"}`);
}
