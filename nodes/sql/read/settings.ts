import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import type { ParameterDef } from "../../common/parameters";
import { wholeNumber } from "../../common/whole-number";
import { type DeliveryDef, type DeliverySettings, type PoisonDef, type PoisonSettings, readDeliverySettings, readPoisonSettings } from "../../delivery/delivery-settings";
import { limitsRows } from "./statement-kind";

/** What becomes one message. */
export type Output = "row" | "batch" | "all";

/** What the editor saves. Numbers come as text when they were typed or stand in the environment. Times in ms. */
export interface ReadDef extends DeliveryDef, PoisonDef {
  database: string;
  query: string;
  parameters?: ParameterDef[];
  output?: string;
  batchSize?: number | string;
  maxRows?: number | string;
  maxInFlight?: number | string;
  emptyOutput?: boolean;
  mode?: string;
  pollInterval?: number | string;
  progress?: string;
  watermarkColumn?: string;
  keyColumn?: string;
  delayWindow?: number | string;
  start?: string;
  afterRead?: string;
  afterReadPer?: string;
}

/** Settings that both modes have, normalised. */
export interface CommonSettings extends DeliverySettings {
  query: string;
  output: Output;
  /** Rows in a message of output `batch`. */
  batchSize: number;
  /** How many rows a message of output `all` may have, or a statement may return that must be read at once. */
  maxRows: number;
  /** Rows in the flow at once at most. */
  maxInFlight: number;
  /** Whether there is an output for "no rows". */
  emptyOutput: boolean;
}

/** A message asks for rows. */
export interface MessageSettings extends CommonSettings {
  mode: "message";
}

/** How a poll knows what it has read: by a column that rises, by a statement run after each row, or not at all. */
export type Progress =
  | { by: "watermark"; watermarkColumn: string; keyColumn: string; delayWindow: number; start: "all" | "new" }
  | { by: "after-read"; keyColumn: string; statement: string; per: "row" | "batch" }
  | { by: "none" };

/** Rows are asked for by the clock. */
export interface PollSettings extends CommonSettings, PoisonSettings {
  mode: "poll";
  pollInterval: number;
  progress: Progress;
}

/** The settings of a `sql read`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: ReadDef): MessageSettings | PollSettings {
  const query = statementIn(def.query);
  if (!query) throw notConfigured("No query is given");
  const common: CommonSettings = {
    query,
    output: oneOf(def.output, "Send", ["row", "batch", "all"], "row"),
    batchSize: wholeNumber(def.batchSize, "Batch size", { fallback: 200, min: 1, max: 100_000 }),
    maxRows: wholeNumber(def.maxRows, "Most rows", { fallback: 100_000, min: 1, max: 10_000_000 }),
    maxInFlight: wholeNumber(def.maxInFlight, "In flow", { fallback: 1_000, min: 1, max: 100_000 }),
    emptyOutput: def.emptyOutput === true,
    ...readDeliverySettings(def),
  };
  if (oneOf(def.mode, "Read", ["message", "poll"], "message") === "message") return { ...common, mode: "message" };
  if (common.output === "all") throw notConfigured("A poll sends rows or batches, not all in one message: it never ends");
  const progress = readProgress(def);
  if (progress.by === "watermark" && limitsRows(query)) throw notConfigured("The query must not limit its rows: those behind the limit would never be read");
  return { ...common, mode: "poll", pollInterval: wholeNumber(def.pollInterval, "Every", { fallback: 5_000, min: 10, max: 86_400_000 }), progress, ...readPoisonSettings(def) };
}

function readProgress(def: ReadDef): Progress {
  const watermarkColumn = textIn(def.watermarkColumn);
  const keyColumn = textIn(def.keyColumn);
  const statement = statementIn(def.afterRead);
  switch (oneOf(def.progress, "Progress by", ["watermark", "after-read", "none"], watermarkColumn ? "watermark" : "after-read")) {
    case "watermark": {
      if (!watermarkColumn) throw notConfigured("A poll needs its watermark column");
      if (!keyColumn) throw notConfigured("A poll needs the key column, which tells rows of one watermark apart");
      const start = oneOf(def.start, "Start with", ["all", "new"], "all");
      return { by: "watermark", watermarkColumn, keyColumn, delayWindow: wholeNumber(def.delayWindow, "Delay window", { fallback: 2_000, max: 86_400_000 }), start };
    }
    case "after-read":
      if (!statement) throw notConfigured("A poll needs a watermark column or a statement to run after each row: else it reads the same rows again and again");
      if (!keyColumn) throw notConfigured("A poll needs the key column, to know a row again whose after-read statement has not run yet");
      return { by: "after-read", keyColumn, statement, per: oneOf(def.afterReadPer, "Run it", ["row", "batch"], "row") };
    case "none":
      return { by: "none" };
  }
}

/** The text of one statement: without the blanks around it and the semicolon that ends it, which cannot stand inside another. */
function statementIn(text: string | undefined): string {
  return textIn(text).replace(/(\s*;)+$/, "");
}

function notConfigured(text: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", text);
}
