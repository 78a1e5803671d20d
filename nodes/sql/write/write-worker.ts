import { BackOff } from "../../common/back-off";
import type { ConnectorError } from "../../common/errors";
import { Sleepers } from "../../common/sleep";
import { TroubleLog } from "../../common/trouble-log";
import { type ItemResult, Sink, type SinkState } from "../../delivery/sink/sink";
import type { DatabaseClient, DatabaseState } from "../client/database-client";
import { hasWaited } from "../client/errors";
import { isStop, RepeatedError } from "./repeated-error";
import type { Work, WriteResult } from "./work";

/** What the node shows. `failed`: somebody must fix it. `waiting`: it passes by itself. */
export interface WriteState {
  kind: "idle" | "connected" | "working" | "waiting" | "failed";
  messages: number;
  error?: ConnectorError;
}

/** What a sql write node is made of. */
export interface WriteWorkerOptions {
  database: DatabaseClient;
  work: Work<unknown>;
  /** Most messages in one write. */
  batchSize: number;
  /** ms that the first message of a batch waits for others. */
  linger: number;
  /** After so many equal permanent errors in a row nothing is taken any more; 0 for never. */
  stopAfter: number;
  onState: (state: WriteState) => void;
  warn: (text: string) => void;
  error: (text: string) => void;
  /** A node that has stopped tries one message this often, in ms, or up to twice as often where others come meanwhile; one that waits for a lock tries as it does for a table that is missing. Default 30000. */
  probeEvery?: number;
}

/** The work of a sql write node: collects messages into batches and writes them. Each message is settled by its own result. */
export class WriteWorker {
  private readonly sink: Sink<unknown, WriteResult>;
  private readonly repeated: RepeatedError<unknown, WriteResult>;
  private readonly stopListening: () => void;
  /** The wait for a table that is missing, say: the database answers then, so the client's pings would not tell when it is there. */
  private readonly backOff = new BackOff({ initial: 2000, max: 30_000 });
  private readonly probeEvery: number;
  private database: DatabaseState = { kind: "idle" };
  private own: SinkState = { kind: "idle", messages: 0 };
  /** The table, or a statement, does not fit. */
  private readonly troubles: TroubleLog;
  /** Ends the waits for a table, or for the next try. */
  private readonly waits = new Sleepers();

  constructor(private readonly options: WriteWorkerOptions) {
    const { database, work, batchSize, linger, stopAfter, warn, probeEvery = 30_000 } = options;
    this.probeEvery = probeEvery;
    this.troubles = new TroubleLog(options);
    // a message known by its id, or with a list without items, gives the database nothing to refuse
    const tells = ({ duplicate, results }: WriteResult): boolean => !(duplicate && work.dedupes) && results?.length !== 0;
    this.repeated = new RepeatedError(stopAfter, (items) => work.write(items), tells, probeEvery / 2);
    this.sink = new Sink<unknown, WriteResult>({
      batchSize,
      linger,
      concurrency: work.concurrency,
      ...(work.key ? { key: (item: unknown) => work.key?.(item) } : {}),
      write: (items) => this.write(items),
      untilReady: (error) => this.untilReady(error),
      onState: (state) => {
        this.own = state;
        this.tell();
      },
      warn,
    });
    database.acquire(this);
    this.stopListening = database.onState((state) => {
      this.database = state;
      this.tell();
    });
  }

  /** Takes a message in; `stored` is called when its work is committed, `done` after that or with the error. */
  take(msg: object, done: (error?: Error) => void, stored: (result: WriteResult) => void): void {
    let item: unknown;
    try {
      item = this.options.work.prepare(msg);
    } catch (error) {
      item = Promise.reject(error as Error);
    }
    this.sink.take(msg, item, done, stored);
  }

  /** Waits for what is being written, then releases the database. */
  async close(): Promise<void> {
    const closing = this.sink.close();
    this.waits.wake();
    await closing;
    this.stopListening();
    await this.options.database.release(this);
  }

  private async write(items: unknown[]): Promise<ItemResult<WriteResult>[]> {
    const results = await this.repeated.write(items);
    if (!this.repeated.reason && results.every((result) => result.ok || result.error.scope === "message")) this.troubles.told(undefined);
    if (results.some((result) => result.ok || result.error.scope === "message")) this.backOff.reset();
    return results;
  }

  private async untilReady(error: ConnectorError): Promise<void> {
    if (!isOwnTrouble(error)) return this.options.database.untilReady();
    this.troubles.told(error);
    await this.waits.sleep(isStop(error) && !hasWaited(error) ? this.probeEvery : this.backOff.next());
  }

  private tell(): void {
    const { kind, messages, error } = this.own;
    const { onState } = this.options;
    const stopped = this.repeated.reason;
    if (kind === "waiting" && error && isOwnTrouble(error)) onState({ kind: "failed", messages, error });
    else if (kind === "writing" && stopped) onState({ kind: "failed", messages, error: stopped });
    else if (this.database.kind === "failed" || (this.database.kind === "waiting" && kind !== "writing")) onState({ ...this.database, messages });
    else if (kind === "writing") onState({ kind: "working", messages });
    else if (kind === "waiting") onState({ kind: "waiting", messages, ...(error ? { error } : {}) });
    else onState({ kind: this.database.kind, messages });
  }
}

/** Whether the database answers, and what is wrong is a table or a statement of this node, or that it takes nothing. */
function isOwnTrouble({ scope, code, details }: ConnectorError): boolean {
  if (scope !== "system") return false;
  if (code === "DATABASE_UNAVAILABLE") return details["answers"] === true;
  return details["repeated"] !== undefined || details["table"] !== undefined || details["statement"] !== undefined;
}
