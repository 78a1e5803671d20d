import type { Message } from "amqplib";
import { MARK, writtenOrigin } from "../client/retry-and-dead-letter";

/** What a dead letter says of itself: by the headers that our nodes write, or by the broker's own `x-death`. */
export interface DeadLetter {
  /** One of our error codes, or the broker's reason: `rejected`, `expired`, `maxlen`, `delivery_limit`. */
  code?: string;
  message?: string;
  /** The node it failed in, as its user knows it. */
  node?: string;
  /** How often it was tried. */
  attempts?: number;
  /** ISO 8601. */
  failedAt?: string;
  /** Since then, in ms. */
  age?: number;
  /** The queue it was taken from, or died in. */
  queue?: string;
  /** Where it was first published to. */
  exchange?: string;
  routingKey?: string;
  /** How often it was put back before. */
  redriven: number;
  /** When it was last. ISO 8601. */
  redrivenAt?: string;
  /** The broker's `x-death`, newest first. */
  deaths: unknown[];
}

/** An entry of `x-death`, as far as it is used. */
interface Death {
  queue?: unknown;
  reason?: unknown;
  exchange?: unknown;
  "routing-keys"?: unknown;
  /** amqplib's timestamp, in s. */
  time?: { value?: unknown };
}

/** ms that the clocks of two Node-REDs may differ by. */
const CLOCKS_APART = 60_000;

/** @param now ms since 1970, for its age */
export function readDeadLetter(message: Message, now: number): DeadLetter {
  const headers = message.properties.headers ?? {};
  const cause = isOurs(headers) ? writtenCause(headers) : brokersCause(headers);
  const { failedAt } = cause;
  const age = failedAt === undefined ? undefined : Math.max(0, now - Date.parse(failedAt));
  return { ...cause, ...given({ age, redrivenAt: time(headers[MARK.redrivenAt]) }), redriven: count(headers[MARK.redriven]) ?? 0, deaths: deathsOf(headers) };
}

/** Whether it was put back between `since` and `now`, in ms since 1970. What was put back in the future was so by a clock that was wrong. */
export function wasPutBack({ redrivenAt }: DeadLetter, since: number, now: number): boolean {
  const at = Date.parse(redrivenAt ?? "");
  return at >= since && at <= now + CLOCKS_APART;
}

/** The routing keys that its sender gave besides the first (`CC`). Only the broker's own dead letters still have them. */
export function carbonCopies({ deaths }: DeadLetter): string[] {
  return routingKeys(deaths[0] as Death | undefined).slice(1);
}

/** A sender, too, may give its messages a header `x-error-code`; ours never stood alone. */
function isOurs(headers: Record<string, unknown>): boolean {
  if (headers[MARK.originalQueue] !== undefined) return true;
  return headers[MARK.errorCode] !== undefined && (headers[MARK.failedAt] !== undefined || deathsOf(headers).length === 0);
}

/** What a node of ours wrote on it. */
function writtenCause(headers: Record<string, unknown>): Partial<DeadLetter> {
  const origin = writtenOrigin(headers);
  // before it had a header of its own, the queue was known of what came straight to it
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

/** What the broker wrote on it. */
function brokersCause(headers: Record<string, unknown>): Partial<DeadLetter> {
  const death = deathsOf(headers)[0] as Death | undefined;
  if (typeof death !== "object" || death === null) return {};
  const code = text(death.reason);
  const queue = text(death.queue);
  const seconds = death.time?.value;
  // a retried or redriven message came to that queue by the default exchange, and knows better where it was first published to
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

/** Without what is not known. */
function given(facts: Partial<DeadLetter>): Partial<DeadLetter> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
