import { isConnectorError } from "../../common/errors";

/** `msg.sql` of a message that failed, since a Catch node passes on only an error's code and text. */
export interface WriteFailure {
  /** In mode `statements`: the one that failed, from 1. */
  statement?: number;
  /** With `forEach`: the item it failed for, from 1. */
  item?: number;
  table?: string;
  column?: string;
  /** SQLSTATE. */
  state?: string;
  /** The database's own number for the error. */
  native?: number;
}

const TOLD = ["statement", "item", "table", "column", "state", "native"] as const;

/** Where a message failed, as far as the database has said; undefined when there is nothing to tell. */
export function failureOf(error: unknown): WriteFailure | undefined {
  if (!isConnectorError(error)) return undefined;
  const told = TOLD.flatMap((name) => (typeof error.details[name] === "string" || typeof error.details[name] === "number" ? [[name, error.details[name]]] : []));
  return told.length > 0 ? (Object.fromEntries(told) as WriteFailure) : undefined;
}
