import type { Message } from "amqplib";
import { ConnectorError } from "../../common/errors";
import type { HeaderTable } from "../client/headers/headers";
import type { Outgoing } from "../client/publishing/publisher";
import { copyOf, MARK } from "../client/consuming/retry-and-dead-letter";
import { carbonCopies, type DeadLetter } from "./dead-letter";

/** Where dead letters go. */
export type Target =
  /** The queue in which each failed, and no other. */
  | { kind: "origin" }
  /** The exchange to which each was first published; all its receivers get the message again. */
  | { kind: "exchange" }
  /** The same exchange for all. With routing key "" each keeps its own; exchange "" must have one. */
  | { kind: "given"; exchange: string; routingKey: string };

/** Headers that a node of ours adds when a message fails. A copy that goes back starts without them. */
const FAILURE_MARKS = [MARK.errorCode, MARK.errorMessage, MARK.failedNode, MARK.failedAt, MARK.attempts, MARK.originalQueue, MARK.attempt] as const;
const ORIGIN_MARKS = [MARK.originalExchange, MARK.originalRoutingKey] as const;

/**
 * The copy that goes back: content, properties and headers as they were before it failed, with its number of redrives raised by one.
 *
 * @param at present time, ISO 8601; kept in a header by which {@link wasPutBack} knows the message if it fails again
 * @throws ConnectorError INPUT_INVALID when the dead letter does not say where it came from
 */
export function redriveCopy(message: Message, letter: DeadLetter, target: Target, at: string): Outgoing {
  const { exchange, routingKey, copies = [] } = destinationOf(letter, target);
  const own: HeaderTable = { [MARK.redriven]: letter.redriven + 1, [MARK.redrivenAt]: at, ...(copies.length > 0 ? { CC: copies } : {}) };
  const without: string[] = [...FAILURE_MARKS];
  // published to the default exchange, the message tells only in its own headers where it was first published
  if (exchange === "" && letter.exchange !== undefined && letter.routingKey !== undefined) {
    own[MARK.originalExchange] = letter.exchange;
    own[MARK.originalRoutingKey] = letter.routingKey;
  } else {
    without.push(...ORIGIN_MARKS);
  }
  return copyOf(message, { exchange, routingKey, own, without });
}

/** The copy that goes to the parking queue. The broker's `x-death` header cannot be published, so our own headers tell the cause. */
export function parkingCopy(message: Message, letter: DeadLetter, queue: string): Outgoing {
  const facts = {
    [MARK.errorCode]: letter.code,
    [MARK.errorMessage]: letter.message,
    [MARK.failedAt]: letter.failedAt,
    [MARK.originalExchange]: letter.exchange,
    [MARK.originalRoutingKey]: letter.routingKey,
    [MARK.originalQueue]: letter.queue,
  };
  const own = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return copyOf(message, { exchange: "", routingKey: queue, own });
}

function destinationOf(letter: DeadLetter, target: Target): { exchange: string; routingKey: string; copies?: string[] } {
  switch (target.kind) {
    case "origin":
      if (letter.queue === undefined) throw unknown("which queue it failed in");
      return { exchange: "", routingKey: letter.queue };
    case "exchange":
      if (letter.exchange === undefined || letter.routingKey === undefined) throw unknown("where it was first published to");
      return { exchange: letter.exchange, routingKey: letter.routingKey, copies: carbonCopies(letter) };
    case "given":
      return { exchange: target.exchange, routingKey: target.routingKey || letter.routingKey || "" };
  }
}

function unknown(what: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `The dead letter does not say ${what}: choose another target for it`);
}
