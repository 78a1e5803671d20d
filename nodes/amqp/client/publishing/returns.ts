import { isDeepStrictEqual } from "node:util";
import type { Message } from "amqplib";
import { ConnectorError } from "../../../common/errors";
import { targetOf } from "./publish-faults";
import type { Outgoing } from "./publisher";

/** Why a message came back. */
export interface Return {
  code: number;
  text: string;
  /** Whether other messages look the same, so that one of them may have come back instead. */
  unsure: boolean;
}

/** A message on its way, and the reason if it came back. */
export interface Returnable {
  readonly message: Outgoing;
  returned: Return | undefined;
}

/**
 * Marks the message that came back. A return contains only the message itself, no number. So it is matched to the oldest message that is equal in all that decides about
 * its route; messages that are equal in that are interchangeable. When no headers are equal, as with a number that AMQP cannot hold, all that look the same otherwise
 * count as returned, and if none does, all that are mandatory: there may be an error too many, but never one too few.
 *
 * @param sent in the order in which they were published. It contains the returned one, since the broker returns a message before it confirms it
 */
export function markReturned(sent: Iterable<Returnable>, returned: Message): void {
  const { replyCode = 312, replyText = "NO_ROUTE" } = returned.fields as Message["fields"] & { replyCode?: number; replyText?: string };
  const open: Returnable[] = [];
  const alike: Returnable[] = [];
  for (const each of sent) {
    if (each.returned || each.message.options.mandatory !== true) continue;
    open.push(each);
    if (!looksAs(each.message, returned)) continue;
    if (hasHeadersOf(each.message, returned)) {
      each.returned = { code: replyCode, text: replyText, unsure: false };
      return;
    }
    alike.push(each);
  }
  const suspects = alike.length > 0 ? alike : open;
  for (const each of suspects) each.returned = { code: replyCode, text: replyText, unsure: suspects.length > 1 };
}

/** Returns the error for a message that came back. */
export function returnedError(message: Outgoing, { code, text, unsure }: Return): ConnectorError {
  const { exchange, routingKey } = message;
  const what = `No queue took the message to ${targetOf(message)}${unsure ? ", or one that looks the same" : ""}`;
  return new ConnectorError("PUBLISH_RETURNED", `${what}: ${code} ${text}`, { details: { exchange, routingKey, code } });
}

function looksAs(sent: Outgoing, { fields, properties, content }: Message): boolean {
  if (sent.exchange !== fields.exchange || sent.routingKey !== fields.routingKey) return false;
  return sent.options.messageId === (properties.messageId as string | undefined) && sent.content.equals(content);
}

/** Whether both have the same headers, by which a headers exchange routes and in which CC names further queues. BCC is not compared, since the broker removes it. */
function hasHeadersOf({ options }: Outgoing, { properties }: Message): boolean {
  const { BCC: _hidden, ...headers } = (options.headers ?? {}) as Record<string, unknown>;
  return isDeepStrictEqual(withoutTypes(headers), withoutTypes({ ...properties.headers }));
}

/** Returns headers with plain numbers in place of those with a type, since numbers come back without it. */
function withoutTypes(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutTypes);
  if ("!" in value && value["!"] !== "timestamp" && "value" in value && typeof value.value === "number") return value.value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutTypes(item)]));
}
