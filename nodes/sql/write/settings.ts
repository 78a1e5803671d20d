import { createHash } from "node:crypto";
import { textIn, withValue } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { listedParameters, type ParameterDef } from "../../common/parameters";
import { wholeNumber } from "../../common/whole-number";
import type { WriteMode } from "../client/protocol";

/** What the editor saves. Numbers come as text when they were typed or stand in the environment. */
export interface WriteDef {
  database: string;
  mode: string;
  table?: string;
  /** Empty: the payload's properties are the columns. */
  columns?: { column: string; value: string; valueType: string }[];
  keys?: string[];
  statements?: { sql: string; run?: string }[];
  parameters?: ParameterDef[];
  forEach?: string;
  forEachType?: string;
  maxRows?: number | string;
  duplicateIsSuccess?: boolean;
  zeroRowsIsError?: boolean;
  dedupe?: boolean;
  inboxTable?: string;
  inboxDays?: number | string;
  messageId?: string;
  messageIdType?: string;
  stopAfter?: number | string;
  batchSize?: number | string;
  linger?: number | string;
}

/** A value that is found for each message, as the editor saves it. */
export interface Typed {
  value: string;
  type: string;
}

/** What is done with each message, normalised. */
export type WriteSettings = TableSettings | StatementSettings;

interface Common {
  /** Most messages in one write. */
  batchSize: number;
  /** ms. */
  linger: number;
  stopAfter: number;
  zeroRowsIsError: boolean;
  dedupe?: { id: Typed; inbox: { table: string; days: number } };
}

/** One of the table modes. */
export interface TableSettings extends Common {
  mode: WriteMode;
  table: string;
  keys: string[];
  columns: { column: string; value: Typed }[];
  duplicateIsSuccess: boolean;
}

/** The user's own statements. */
export interface StatementSettings extends Common {
  mode: "statements";
  statements: { sql: string; once: boolean }[];
  parameters: { name: string; value: Typed }[];
  forEach?: Typed;
  maxRows: number;
}

const TABLE_MODES: readonly string[] = ["insert", "upsert", "update", "delete", "ignore"] satisfies WriteMode[];
const NEED_KEYS = ["upsert", "update", "delete"];

/** Statements that, behind comments, would end the node's own transaction, or begin another in it; `begin` alone also begins a block of Oracle's. */
const TRANSACTION = /^(?:\s|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*(begin(\s+(tran|transaction|work|deferred|immediate|exclusive)\b|\s*;?\s*$)|(start\s+transaction|commit|rollback|abort|end|savepoint|release|set\s+autocommit)\b)/i;

/** Tells what is wrong, by a key of the catalogue and its values. */
export type Tell = (key: string, values?: Record<string, string | number>) => string;

/** @throws ConnectorError `NOT_CONFIGURED` with the reason */
export function readSettings(def: WriteDef, tell: Tell): WriteSettings {
  const { mode } = def;
  if (mode === "statements") return { ...common(def, tell), ...statementSettings(def, tell) };
  if (TABLE_MODES.includes(mode)) return { ...common(def, tell), ...tableSettings(def, mode as WriteMode, tell) };
  throw new ConnectorError("NOT_CONFIGURED", tell("error.mode", { mode: String(mode) }));
}

/** Whose the ids of a node are in the inbox; at most 64 characters. Two nodes may store the same message, each once. */
export function inboxOwner(nodeId: string): string {
  return nodeId.length <= 64 ? nodeId : createHash("sha256").update(nodeId).digest("hex"); // in subflows in subflows
}

function common(def: WriteDef, tell: Tell): Common {
  const settings: Common = {
    batchSize: wholeNumber(def.batchSize, "Batch size", { fallback: 200, min: 1, max: 10_000 }),
    linger: wholeNumber(def.linger, "Linger", { fallback: 20, max: 60_000 }),
    stopAfter: wholeNumber(def.stopAfter, "Stop after", { fallback: 10, max: 1_000_000 }),
    zeroRowsIsError: def.zeroRowsIsError === true,
  };
  if (def.dedupe !== true) return settings;
  const { messageId = "amqp.properties.messageId", messageIdType = "msg" } = def;
  const inboxTable = textIn(def.inboxTable ?? "surewire_inbox");
  if (!inboxTable) throw new ConnectorError("NOT_CONFIGURED", tell("error.no-inbox"));
  if (!textIn(messageId)) throw new ConnectorError("NOT_CONFIGURED", tell("error.no-message-id"));
  settings.dedupe = { id: { value: messageId, type: messageIdType || "msg" }, inbox: { table: inboxTable, days: wholeNumber(def.inboxDays, "Keep ids", { fallback: 30, min: 1, max: 36_500 }) } };
  return settings;
}

function tableSettings(def: WriteDef, mode: WriteMode, tell: Tell): Omit<TableSettings, keyof Common> {
  const table = textIn(def.table);
  const keys = mode === "insert" ? [] : (def.keys ?? []).map(textIn).filter(Boolean);
  if (!table) throw new ConnectorError("NOT_CONFIGURED", tell("error.no-table"));
  if (NEED_KEYS.includes(mode) && keys.length === 0) throw new ConnectorError("NOT_CONFIGURED", tell("error.no-keys"));
  const columns = (def.columns ?? [])
    .map(({ column, value, valueType }) => ({ column: textIn(column), value: { value, type: valueType || "msg" } }))
    .filter(({ column }) => column);
  return { mode, table, keys, columns, duplicateIsSuccess: def.duplicateIsSuccess === true };
}

function statementSettings(def: WriteDef, tell: Tell): Omit<StatementSettings, keyof Common> {
  const statements = (def.statements ?? []).map(({ sql, run }) => ({ sql: withValue(sql), once: run === "once" })).filter(({ sql }) => sql.trim());
  if (statements.length === 0) throw new ConnectorError("NOT_CONFIGURED", tell("error.no-statements"));
  const own = statements.findIndex(({ sql }) => TRANSACTION.test(sql));
  if (own >= 0) throw new ConnectorError("NOT_CONFIGURED", tell("error.transaction", { number: own + 1 }));
  const parameters = listedParameters(def.parameters).map(({ name, value, valueType }) => ({ name, value: { value, type: valueType } }));
  const { forEach = "", forEachType } = def;
  return {
    mode: "statements",
    statements,
    parameters,
    maxRows: wholeNumber(def.maxRows, "Most rows", { fallback: 1000, max: 100_000 }),
    ...(textIn(forEach) ? { forEach: { value: forEach, type: forEachType || "msg" } } : {}),
  };
}
