import { isUtf8 } from "node:buffer";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { parse } from "csv-parse/sync";
import { ApiError } from "../api-error";
import { parseId } from "../ids";
import type { Org } from "../org";
import { readRecord, type RecordInput } from "../records/reader";
import { Repeated } from "../records/repeated";
import { originOf } from "../rest/call";
import type { Writer } from "../records/writer";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import { rowReader, type RowReader, shownColumns } from "./columns";
import { quotedLine } from "./dialect";
import { InvalidData, readHeader, readRows } from "./input";
import { Job, type JobOptions } from "./job";
import { Lines } from "./lines";
import type { Pace } from "./pace";

/** How many rows the org writes in one transaction. No two of them may have the same value of the external id. */
const CHUNK = 200;

/** The options of an {@link IngestJob}. */
export interface IngestOptions extends JobOptions {
  object: ObjectSchema;
  externalId: Field | undefined;
  assignmentRuleId: string | undefined;
}

/** An ingest job, from its upload to its results. */
export class IngestJob extends Job {
  readonly jobType = "V2Ingest";
  readonly object: string;
  readonly successes = new Lines();
  readonly failures = new Lines();
  data: Buffer | undefined;
  private readonly schema: ObjectSchema;
  private readonly externalId: Field | undefined;
  private readonly assignmentRuleId: string | undefined;
  private columns: string[] = [];
  /** Indexes of the columns that are in the results. Set when the header has been read. */
  private shown: number[] | undefined;

  constructor(
    private readonly org: Org,
    private readonly pace: Pace,
    options: IngestOptions,
  ) {
    super(options);
    this.schema = options.object;
    this.object = options.object.name;
    this.externalId = options.externalId;
    this.assignmentRuleId = options.assignmentRuleId;
  }

  override summary(): Record<string, unknown> {
    return {
      ...super.summary(),
      ...(this.externalId ? { externalIdFieldName: this.externalId.name } : {}),
      ...(this.assignmentRuleId ? { assignmentRuleId: this.assignmentRuleId } : {}),
      ...(this.state === "Open" ? { contentUrl: `services/data/v${this.version}.0/jobs/ingest/${this.id}/batches` } : {}),
    };
  }

  override info(): Record<string, unknown> {
    return { ...super.info(), numberRecordsFailed: this.failures.count, apiActiveProcessingTime: 0, apexProcessingTime: 0 };
  }

  /** Returns the header of a list of results. @param before columns that the org puts in front */
  header(...before: string[]): string {
    return this.resultLine(before, this.columns);
  }

  private resultLine(own: readonly string[], row: readonly string[]): string {
    return quotedLine([...own, ...(this.shown?.map((index) => row[index] ?? "") ?? row)], this.dialect);
  }

  /** Returns the rows that were not processed: all after the last one that was processed before the job was aborted or failed. */
  unprocessed(): string {
    if (!this.data || this.state === "JobComplete") return this.header();
    const { delimiter, newline } = this.dialect;
    const from = this.processed + 2;
    const lines = [this.header()];
    const gather = (row: string[]): null => {
      lines.push(this.resultLine([], row));
      return null;
    };
    try {
      parse(this.data, { delimiter, record_delimiter: newline, bom: true, from, relax_column_count: true, skip_empty_lines: true, on_record: gather });
    } catch {
      // The row that has made the job fail cannot be read here, either. The rows before it are returned.
    }
    return lines.join("");
  }

  /** Processes the upload, in the background. */
  async run(): Promise<void> {
    const store = this.org.store;
    const here = (): boolean => store === this.org.store && !this.over;
    const data = this.data ?? Buffer.alloc(0);
    if (this.pace.start > 0) await wait(this.pace.start, undefined, { ref: false });
    else await turn();
    if (!here()) return;
    this.move("InProgress");
    try {
      await this.work(data, here);
      if (!here()) return;
      this.move("JobComplete");
      // All rows are processed, so up to 150 MB can be freed.
      this.data = undefined;
    } catch (error) {
      if (!here()) return;
      if (error instanceof InvalidData) this.fail(error.message);
      else this.fail(`InternalServerError : ${(error as Error).message}`);
    }
  }

  private async work(data: Buffer, here: () => boolean): Promise<void> {
    if (!isUtf8(data)) throw new InvalidData("InvalidBatch : The data is not UTF-8");
    this.columns = readHeader(data, this.dialect);
    this.shown = shownColumns(this.org.schema, this.schema, this.columns);
    const read = rowReader(this.org.schema, this.schema, this.columns, this.operation, this.externalId?.name);
    const fault = this.pace.take();
    let chunk: string[][] = [];
    let sinceTurn = 0;
    for await (const row of readRows(data, this.dialect, this.columns.length)) {
      if (!here()) return;
      chunk.push(row);
      if (fault && this.processed + chunk.length > (fault.after ?? 0)) {
        chunk.pop();
        if (chunk.length > 0) this.write(chunk, read);
        if (fault.kind === "fail") throw new InvalidData(fault.message ?? "InternalServerError : Too many failures");
        chunk = [row];
        fault.after = Infinity;
        await this.pace.untilReleased();
        if (!here()) return;
      }
      if (chunk.length < CHUNK) continue;
      this.write(chunk, read);
      sinceTurn += chunk.length;
      chunk = [];
      if (sinceTurn < this.pace.rows) continue;
      sinceTurn = 0;
      if (this.pace.interval > 0) await wait(this.pace.interval, undefined, { ref: false });
      else await turn();
    }
    if (here() && chunk.length > 0) this.write(chunk, read);
  }

  /** Writes rows in one transaction. Their results come in reverse order, so that clients that rely on an order are found. */
  private write(rows: readonly string[][], read: RowReader): void {
    const writer = this.org.writer({ userId: this.userId, autoAssign: this.assignmentRuleId ?? "FALSE", origin: originOf("bulkapi", this.version) });
    const field = this.operation === "upsert" ? this.externalId : undefined;
    const repeated = field && new Repeated(field, rows.map((row) => read(row)[field.name] as Scalar | undefined));
    const lines = rows.map((row): [Lines, string] => {
      try {
        const { id, created } = this.writeRow(writer, readRecord(this.org.schema, this.schema, read(row)), repeated);
        return [this.successes, this.resultLine([id, String(created)], row)];
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        return [this.failures, this.resultLine(["", errorCell(error)], row)];
      }
    });
    for (const [list, line] of lines.reverse()) list.add(line);
    this.processed += rows.length;
  }

  private writeRow(writer: Writer, input: RecordInput, repeated: Repeated | undefined): { id: string; created: boolean } {
    const { operation, schema, externalId } = this;
    if (operation === "insert") return { id: writer.create(schema, input), created: true };
    if (operation === "upsert") {
      const field = externalId!;
      const value = input.values.get(field) ?? null;
      repeated?.refuse(value);
      return writer.upsert(schema, field, value, input);
    }
    const id: Scalar = input.values.get(schema.field("Id")!) ?? null;
    if (id === null) throw new ApiError("MISSING_ARGUMENT", "Id not specified", ["Id"]);
    if (operation === "update") writer.update(schema, String(id), input);
    else writer.delete(schema, String(id));
    if (operation === "hardDelete") this.org.store.purged.add(parseId(String(id))!);
    return { id: String(id), created: false };
  }
}

/** Returns the text of an error in the results, such as `REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --`. */
function errorCell(error: ApiError): string {
  return error.items.map(({ errorCode, message, fields }) => `${errorCode}:${message}:${(fields ?? []).join(" ")} --`).join("");
}
