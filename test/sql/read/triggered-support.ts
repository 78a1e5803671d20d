import { EventEmitter } from "node:events";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Outcome } from "../../../nodes/delivery/outcome";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import type { ReadState } from "../../../nodes/delivery/reading/read-state";
import type { Parameter } from "../../../nodes/common/parameters";
import { queryParameters } from "../../../nodes/sql/client/named-values";
import { readSettings, type MessageSettings, type ReadDef } from "../../../nodes/sql/read/settings";
import { RowRead, type RowReadOptions } from "../../../nodes/sql/read/row-read";
import { waitFor as waitUntil } from "../../services/wait";
import type { FakeDatabase } from "./fake-database";

export const waitFor = (what: string, condition: () => boolean): Promise<boolean> => waitUntil(what, condition, { interval: 2 });
export const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
export const away = new ConnectorError("DATABASE_UNAVAILABLE", "connection refused");

export type Sent = { payload: never; delivery: { id: string; attempt: number }; parts: { id: string; index: number; count?: number } } & Record<string, unknown>;

export interface Asked {
  msg: object;
  /** What was sent in the place of the trigger: lists of outputs. */
  passed: (object | null)[][];
  /** Calls of `done`, each with its error. */
  done: (ConnectorError | undefined)[];
}

export interface Opened {
  read: RowRead;
  sent: Sent[];
  states: ReadState[];
  warnings: string[];
  ask(msg?: object): Asked;
  close(): Promise<void>;
}

export function settle(message: Sent, outcome: Outcome, error?: ConnectorError): void {
  const delivery = registry.find(message.delivery.id);
  if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
}

export const accept = (message: Sent): void => settle(message, "accept");
export const ended = (asked: Asked): Promise<boolean> => waitFor("the trigger's end", () => asked.done.length === 1);
export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Nodes that read for triggers, without Node-RED. */
export class TriggerBench {
  /** Node-RED, as far as settle mode `node` needs it. */
  readonly runtime = { events: new EventEmitter() } as unknown as TrackedRuntime;
  private readonly opened: Opened[] = [];

  /** Reads for triggers; the test settles what is sent, or `answer` does. */
  open(database: FakeDatabase, def: Partial<ReadDef> = {}, answer?: (message: Sent) => void, more: Partial<RowReadOptions> & { own?: Parameter[] } = {}): Opened {
    const { own = [], ...options } = more;
    const settings = readSettings({ database: "", query: "select * from t", settle: "node", retries: 0, retryDelay: 10, ...def }) as MessageSettings;
    const sent: Sent[] = [];
    const states: ReadState[] = [];
    const warnings: string[] = [];
    const read = new RowRead({
      settings,
      parameters: queryParameters(settings.query, own),
      database,
      node: { id: "read", type: "surewire-sql-read" },
      runtime: this.runtime,
      send: (message) => {
        sent.push(message as Sent);
        answer?.(message as Sent);
      },
      isWired: () => true,
      clone: (value) => structuredClone(value),
      warn: (text) => warnings.push(text),
      onState: (state) => states.push(state),
      ...options,
    });
    const ask = (msg: object = { payload: "go" }): Asked => {
      const asked: Asked = { msg, passed: [], done: [] };
      read.take({ msg, send: (messages) => asked.passed.push(messages), done: (error) => asked.done.push(error as ConnectorError | undefined) });
      return asked;
    };
    let closing: Promise<void> | undefined;
    const made = { read, sent, states, warnings, ask, close: () => (closing ??= read.close(200)) };
    this.opened.push(made);
    return made;
  }

  /** After each test. */
  async closeAll(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((each) => each.close()));
  }
}
