import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { BackOff } from "../../../common/back-off";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import { isLostAnswer } from "../records/lost-answer";
import { Suspicion, writesGetThrough } from "../records/suspicion";
import type { RestCalls } from "../rest";

/** What the rows do to those of the dataset; `Upsert` and `Delete` go by the metadata's `isUniqueId`. */
export type DatasetOperation = "Overwrite" | "Append" | "Upsert" | "Delete";

/** External data for one dataset of CRM Analytics. */
export interface Upload {
  /** API name (alias) of the dataset; made when there is none. */
  dataset: string;
  /** Default: the API name. */
  label?: string;
  operation: DatasetOperation;
  /** With a header line. */
  csv: string | Buffer;
  /** The external data format's metadata: types of columns and more. Without it every column is text. */
  metadata?: object;
}

/** What became of an {@link Upload}. */
export interface UploadResult {
  /** Of the `InsightsExternalData` record: later its `Status` can be read there. */
  id: string;
  success: true;
  dataset: string;
  parts: number;
  /** The org's word: `Completed`, `CompletedWithWarnings`; `Queued` or `InProgress` when it was not waited for any longer. */
  status: string;
  /** The org's remark, if it has one. */
  message: string | null;
}

/** Settings of an {@link AnalyticsUploader}. */
export interface AnalyticsUploaderOptions {
  /** ms to wait for the dataset after all is sent; 0 for not at all. Default 600000. */
  wait?: number;
  /** ms before the first look at the status; doubled up to half a minute. Default 1000. */
  pollInterval?: number;
  /** Bytes of one part, compressed. Default 9 MiB: the org wants them smaller than 10 MB. */
  partSize?: number;
}

/** How far an upload has come: what is done is not done again. */
interface Progress {
  parts: Buffer[];
  headerId?: string;
  /** Parts the org surely has. */
  sent: number;
  /** The last call's answer was lost: look before it is sent again. */
  unsure: boolean;
  /** The org has been told to work on it. */
  started: boolean;
}

const HEADER = "InsightsExternalData";
const PART = "InsightsExternalDataPart";
const PART_SIZE = 9 * 1024 * 1024;
const FINAL = new Set(["Completed", "CompletedWithWarnings", "Failed"]);
const zip = promisify(gzip);

/**
 * Uploads external data: a header record, the compressed CSV in parts, then the order to process it.
 *
 * An upload that a broken connection has interrupted goes on where it was when it is given again: nothing happens to the dataset before the
 * last step, and that one is asked about before it is repeated. So it is always safe to repeat. What is left behind when the process itself
 * ends is a header without effect.
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

  /** @throws ConnectorError of scope `system` when the upload should be given again, unchanged; `ORG_REFUSED` when the org cannot use the data */
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
      if (started || (unsure && sent === parts.length)) throw error; // the org may be at work on the rows: as another upload they would be loaded once more
      throw await this.suspicion.judged(upload, error, () => writesGetThrough(this.rest));
    }
  }

  /** Waits for no dataset any more: the org has the rows, and an upload that was given back would be made once more. */
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

  /** A header whose answer was lost is left alone, and another one made. */
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

  /** Asks the org how far it has come. */
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
