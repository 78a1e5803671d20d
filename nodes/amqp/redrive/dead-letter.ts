import type { Message } from "amqplib";
import { MARK, writtenOrigin } from "../client/consuming/retry-and-dead-letter";

/** What is known of a dead letter, from the headers that our nodes write or from the broker's `x-death`. */
export interface DeadLetter {
  /** One of our error codes, or the broker's reason: `rejected`, `expired`, `maxlen` or `delivery_limit`. */
  code?: string;
  message?: string;
  /** The node in which it failed, as described for the user. */
  node?: string;
  /** How often it was tried. */
  attempts?: number;
  /** When it failed. ISO 8601. */
  failedAt?: string;
  /** ms since it failed. */
  age?: number;
  /** The queue in which it failed or was dead-lettered. */
  queue?: string;
  /** The exchange to which it was first published; with the routing key. */
  exchange?: string;
  routingKey?: string;
  /** How often it was put back. */
  redriven: number;
  /** When it was last put back. ISO 8601. */
  redrivenAt?: string;
  /** The broker's `x-death`, newest first. */
  deaths: unknown[];
}

/** The part of an entry of `x-death` that is used here. */
interface Death {
  queue?: unknown;
  reason?: unknown;
  exchange?: unknown;
  "routing-keys"?: unknown;
  /** amqplib's timestamp, in s. */
  time?: { value?: unknown };
}

/** ms by which the clocks of two machines with Node-RED may differ. */
const CLOCKS_APART = 60_000;

/** Reads the headers of a dead letter. @param now ms since 1970, to tell its age */
export function readDeadLetter(message: Message, now: number): DeadLetter {
  const headers = message.properties.headers ?? {};
  const cause = isOurs(headers) ? writtenCause(headers) : brokersCause(headers);
  const { failedAt } = cause;
  const age = failedAt === undefined ? undefined : Math.max(0, now - Date.parse(failedAt));
  return { ...cause, ...given({ age, redrivenAt: time(headers[MARK.redrivenAt]) }), redriven: count(headers[MARK.redriven]) ?? 0, deaths: deathsOf(headers) };
}

/** Whether it was put back between `since` and `now` (ms since 1970). A time that is later than `now` by more than a minute is taken for wrong. */
export function wasPutBack({ redrivenAt }: DeadLetter, since: number, now: number): boolean {
  const at = Date.parse(redrivenAt ?? "");
  return at >= since && at <= now + CLOCKS_APART;
}

/** The further routing keys that its sender gave (header `CC`). Known only of messages that the broker itself has dead-lettered. */
export function carbonCopies({ deaths }: DeadLetter): string[] {
  return routingKeys(deaths[0] as Death | undefined).slice(1);
}

/** Whether a node of ours made it a dead letter. A header `x-error-code` alone does not prove that: a sender may have set it. */
function isOurs(headers: Record<string, unknown>): boolean {
  if (headers[MARK.originalQueue] !== undefined) return true;
  return headers[MARK.errorCode] !== undefined && (headers[MARK.failedAt] !== undefined || deathsOf(headers).length === 0);
}

/** The cause according to the headers of our nodes. */
function writtenCause(headers: Record<string, unknown>): Partial<DeadLetter> {
  const origin = writtenOrigin(headers);
  // Dead letters of older versions have no header for the queue. If they were published to the default exchange, it is their routing key
  const queue = text(headers[MARK.originalQueue]) ?? (origin?.exchange === "" ? origin.routingKey : undefined);
  return given({
    code: text(headers[MARK.errorCode]),
    message: text(headers[MARK.errorMessage]),
    node: text(headers[MARK.failedNode]),
    attempts: count(headers[MARK.attempts]),
    failedAt: time(headers[MARK.failedAt]),
    queue,
    ...origin,
  });
}

/** The cause according to the broker. */
function brokersCause(headers: Record<string, unknown>): Partial<DeadLetter> {
  const death = deathsOf(headers)[0] as Death | undefined;
  if (typeof death !== "object" || death === null) return {};
  const code = text(death.reason);
  const queue = text(death.queue);
  const seconds = death.time?.value;
  // a retried or redriven message came to that queue through the default exchange; its own headers tell where it was first published
  const marked = headers[MARK.attempt] !== undefined || headers[MARK.redriven] !== undefined;
  const written = death.exchange === "" && marked ? writtenOrigin(headers) : undefined;
  return given({
    code,
    message: `The broker dead-lettered it in queue ${queue ?? "?"}: ${code ?? "no reason given"}`,
    failedAt: typeof seconds === "number" ? time(new Date(seconds * 1000)) : undefined,
    queue,
    exchange: text(death.exchange),
    routingKey: routingKeys(death)[0],
    ...written,
  });
}

function deathsOf(headers: Record<string, unknown>): unknown[] {
  const deaths = headers["x-death"];
  return Array.isArray(deaths) ? deaths : [];
}

function routingKeys(death: Death | undefined): string[] {
  const keys = death?.["routing-keys"];
  return Array.isArray(keys) ? keys.filter((key): key is string => typeof key === "string") : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}

function time(value: unknown): string | undefined {
  const date = value instanceof Date ? value : new Date(text(value) ?? NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Leaves out properties that are `undefined`. */
function given(facts: Partial<DeadLetter>): Partial<DeadLetter> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
