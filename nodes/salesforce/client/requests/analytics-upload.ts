import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { BackOff } from "../../../common/back-off";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import { isLostAnswer } from "../records/lost-answer";
import { Suspicion, writesGetThrough } from "../suspicion";
import type { RestCalls } from "../rest";

/** How the rows change those of the dataset. `Upsert` and `Delete` compare the field that has `isUniqueId` in the metadata. */
export type DatasetOperation = "Overwrite" | "Append" | "Upsert" | "Delete";

/** External data for one dataset of CRM Analytics. */
export interface Upload {
  /** API name (alias) of the dataset. It is created if there is none. */
  dataset: string;
  /** Default: the API name. */
  label?: string;
  operation: DatasetOperation;
  /** CSV with a header line. */
  csv: string | Buffer;
  /** The metadata of the external data format: types of columns and more. Without it, every column is text. */
  metadata?: object;
}

/** The result of an {@link Upload}. */
export interface UploadResult {
  /** Id of the `InsightsExternalData` record, in which `Status` can be read later. */
  id: string;
  success: true;
  dataset: string;
  parts: number;
  /** The status as the org gives it: `Completed`, `CompletedWithWarnings`, or one such as `Queued` or `InProgress` if the wait was over before. */
  status: string;
  /** The org's remark on the status, or `null`. */
  message: string | null;
}

/** Settings of an {@link AnalyticsUploader}. */
export interface AnalyticsUploaderOptions {
  /** How long, in ms, to wait for the dataset after everything has been sent. 0: not at all. Default 600000. */
  wait?: number;
  /** How long, in ms, to wait before the status is read again. It is doubled each time, up to half a minute. Default 1000. */
  pollInterval?: number;
  /** Bytes of one compressed part. Default 9 MiB: the org accepts parts smaller than 10 MB. */
  partSize?: number;
}

/** The progress of an upload. Steps that are done are not repeated. */
interface Progress {
  parts: Buffer[];
  headerId?: string;
  /** How many parts the org surely has. */
  sent: number;
  /** Whether the answer of the last call was lost, so that the org must be asked before the call is repeated. */
  unsure: boolean;
  /** Whether the org has been told to process the data. */
  started: boolean;
}

const HEADER = "InsightsExternalData";
const PART = "InsightsExternalDataPart";
const PART_SIZE = 9 * 1024 * 1024;
const FINAL = new Set(["Completed", "CompletedWithWarnings", "Failed"]);
const zip = promisify(gzip);

/**
 * Uploads external data: creates a header record, sends the compressed CSV in parts, then tells the org to process them.
 *
 * An upload that a broken connection has interrupted goes on where it stopped when the same object is given again. That is always safe, since nothing happens to the
 * dataset before the last step, and the org is asked before that step is repeated. If the process itself ends, a header without effect is left behind.
 */
export class AnalyticsUploader {
  private readonly progress = new WeakMap<Upload, Progress>();
  private readonly suspicion = new Suspicion();
  private readonly waits = new Sleepers();
  private closed = false;

  constructor(
    private readonly rest: RestCalls,
    private readonly options: AnalyticsUploaderOptions = {},
  ) {}

  /** Uploads the data. @throws ConnectorError of scope `system` when the same object should be given again; `ORG_REFUSED` when the org cannot use the data */
  async upload(upload: Upload): Promise<UploadResult> {
    const progress = this.progress.get(upload) ?? (await this.begin(upload));
    try {
      if (progress.unsure) await this.look(progress);
      const id = (progress.headerId ??= await this.createHeader(upload));
      while (progress.sent < progress.parts.length) {
        await this.sendPart(id, progress);
        this.suspicion.forget(upload);
      }
      if (!progress.started) await this.start(id, progress);
      return await this.finish(id, upload, progress.parts.length);
    } catch (error) {
      if (!isConnectorError(error)) throw error;
      if (isLostAnswer(error)) progress.unsure = true;
      const { started, unsure, sent, parts } = progress;
      if (started || (unsure && sent === parts.length)) throw error; // the org may be processing the rows, and another upload would load them a second time
      throw await this.suspicion.judged(upload, error, () => writesGetThrough(this.rest));
    }
  }

  /** Ends the waiting for datasets, with the status so far as the result: the org has the rows, and a message that was given back would upload them a second time. */
  close(): void {
    this.closed = true;
    this.waits.end();
  }

  private async begin(upload: Upload): Promise<Progress> {
    const { partSize = PART_SIZE } = this.options;
    const bytes = await zip(upload.csv);
    const parts: Buffer[] = [];
    for (let from = 0; from < bytes.length; from += partSize) parts.push(bytes.subarray(from, from + partSize));
    const progress = { parts, sent: 0, unsure: false, started: false };
    this.progress.set(upload, progress);
    return progress;
  }

  /** Creates the header record. If the answer is lost, the next try creates another one, and the first one stays without effect. */
  private async createHeader({ dataset, label, operation, metadata }: Upload): Promise<string> {
    const body = {
      EdgemartAlias: dataset,
      ...(label ? { EdgemartLabel: label } : {}),
      ...(metadata ? { MetadataJson: Buffer.from(JSON.stringify(metadata)).toString("base64") } : {}),
      Format: "Csv",
      Operation: operation,
      Action: "None",
    };
    const answer = await this.rest.request<{ id: string }>({ method: "POST", path: `/sobjects/${HEADER}`, body });
    return answer.body.id;
  }

  private async sendPart(id: string, progress: Progress): Promise<void> {
    const DataFile = progress.parts[progress.sent]?.toString("base64");
    const body = { InsightsExternalDataId: id, PartNumber: progress.sent + 1, DataFile };
    await this.rest.request({ method: "POST", path: `/sobjects/${PART}`, body });
    progress.sent += 1;
  }

  private async start(id: string, progress: Progress): Promise<void> {
    await this.rest.request({ method: "PATCH", path: `/sobjects/${HEADER}/${id}`, body: { Action: "Process" } });
    progress.started = true;
  }

  /** Asks the org which parts it has, and whether it has begun to process them. */
  private async look(progress: Progress): Promise<void> {
    const { headerId } = progress;
    if (headerId !== undefined) {
      const query = `SELECT COUNT() FROM ${PART} WHERE InsightsExternalDataId = '${headerId}'`;
      const { body } = await this.rest.request<{ totalSize: number }>({ method: "GET", path: `/query?q=${encodeURIComponent(query)}` });
      progress.sent = body.totalSize;
      progress.started = (await this.statusOf(headerId)).Status !== "New";
    }
    progress.unsure = false;
  }

  private async statusOf(id: string): Promise<{ Status: string; StatusMessage: string | null }> {
    const path = `/sobjects/${HEADER}/${id}?fields=Status,StatusMessage`;
    return (await this.rest.request<{ Status: string; StatusMessage: string | null }>({ method: "GET", path })).body;
  }

  private async finish(id: string, { dataset }: Upload, parts: number): Promise<UploadResult> {
    const { wait = 600_000, pollInterval = 1000 } = this.options;
    const backOff = new BackOff({ initial: pollInterval, max: 30_000 });
    const until = performance.now() + wait;
    let { Status: status, StatusMessage: message } = await this.statusOf(id);
    while (!this.closed && !FINAL.has(status) && performance.now() < until) {
      await this.waits.sleep(Math.min(backOff.next(), Math.max(0, until - performance.now())));
      ({ Status: status, StatusMessage: message } = await this.statusOf(id));
    }
    if (status === "Failed") throw new ConnectorError("ORG_REFUSED", `The dataset ${dataset} was not loaded: ${message ?? "no reason given"}`, { details: { id, dataset } });
    return { id, success: true, dataset, parts, status, message };
  }
}
