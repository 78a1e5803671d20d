import { EventEmitter } from "node:events";
import { BackOff } from "../../../nodes/common/back-off";
import type { ConnectorError } from "../../../nodes/common/errors";
import { MemoryStore } from "../../../nodes/common/memory-store";
import type { Store } from "../../../nodes/common/store";
import type { Outcome } from "../../../nodes/delivery/outcome";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { Row } from "../../../nodes/sql/client/protocol";
import { queryParameters } from "../../../nodes/sql/client/named-values";
import { pollWay } from "../../../nodes/sql/read/poll-way";
import { Poller, type PollState } from "../../../nodes/sql/read/poller";
import { readSettings, type PollSettings, type ReadDef } from "../../../nodes/sql/read/settings";
import type { TestEngine } from "../client/engines";

export { waitShortly as waitFor } from "../../services/wait";

export type Sent = { output: number; payload: never; sql: { columns: string[]; watermark?: unknown }; delivery: { id: string; attempt: number }; error?: { code: string; attempts: number } };

/** Where marks are kept of rows that end the process. */
export const MARKS = "sql-read/read/poison";

/** A node that polls, without Node-RED. */
export interface Polled {
  poller: Poller;
  sent: Sent[];
  states: PollState[];
  warnings: string[];
  /** What was logged as an error. */
  errors: string[];
  /** Outputs that something is wired to. */
  wired: Set<number>;
  /** `id` of each row that was sent to the first output. */
  ids(): unknown[];
  close(): Promise<void>;
}

export function settle(message: Sent, outcome: Outcome, error?: ConnectorError): void {
  const delivery = registry.find(message.delivery.id);
  if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
}

/** The delivery that a message belongs to. */
export function deliveryOf(message: Sent): { hold(reason: string): void; resume(): void } {
  const delivery = registry.find(message.delivery.id);
  if (!delivery || delivery === "closed") throw new Error("it is settled");
  return delivery;
}

/** Opens pollers on a test's database, and closes all of it. */
export class PollBench {
  /** Node-RED's. */
  private readonly events = new EventEmitter();
  private readonly opened: Polled[] = [];
  /** Where watermarks are kept unless a test says otherwise; a new one for each test. */
  store: Store = new MemoryStore();

  /** One process for all, which takes a second to start. */
  readonly database: DatabaseClient;

  constructor(engine: TestEngine) {
    this.database = new DatabaseClient(engine.options);
    this.database.acquire(this);
  }

  /** The test settles what is sent, or `answer` does. */
  async open(def: Partial<ReadDef>, answer?: (message: Sent) => void, { store = this.store, outputs = [0, 1, 2], retryStore, backOff = new BackOff({ initial: 20, max: 20 }) }: { store?: Store; outputs?: number[]; retryStore?: number; backOff?: BackOff } = {}): Promise<Polled> {
    const settings = readSettings({ mode: "poll", database: "db", query: "select * from t", settle: "node", retries: 0, retryDelay: 10, retryMaxDelay: 20, pollInterval: 20, delayWindow: 0, ...def }) as PollSettings;
    const { database } = this;
    const sent: Sent[] = [];
    const states: PollState[] = [];
    const warnings: string[] = [];
    const wired = new Set(outputs);
    const errors: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const poller: Poller = new Poller({
      settings,
      parameters: queryParameters(settings.query, [{ name: "device", value: () => "press" }]),
      database,
      node: { id: "read", type: "surewire-sql-read" },
      runtime: { events: this.events } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
      way: (context) => pollWay(context, { node: "read", databaseNode: "db", database, store, warn, onTrouble: (error) => poller.besides(error), ...(retryStore === undefined ? {} : { retryStore }) }),
      send: (output, message) => {
        const one = { output, ...message } as Sent;
        sent.push(one);
        answer?.(one);
      },
      isWired: (output) => wired.has(output),
      poison: { store, key: MARKS, limit: 3, trial: 1_000 },
      warn,
      error: (text) => errors.push(text),
      onState: (state) => states.push(state),
      backOff,
    });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= poller.close(100));
    const ids = (): unknown[] => sent.filter(({ output, delivery }) => output === 0 && delivery).flatMap(({ payload }) => [payload].flat() as Row[]).map(({ id }) => id);
    const polled = { poller, sent, states, warnings, errors, wired, ids, close };
    this.opened.push(polled);
    poller.rewired();
    poller.start();
    return polled;
  }

  /** After each test. */
  async closeAll(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((each) => each.close()));
    this.store = new MemoryStore();
  }

  /** After the last. */
  async end(): Promise<void> {
    await this.database.release(this);
    await this.database.close();
  }
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
