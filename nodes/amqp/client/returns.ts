import { isDeepStrictEqual } from "node:util";
import type { Message } from "amqplib";
import { ConnectorError } from "../../common/errors";
import { targetOf } from "./publish-faults";
import type { Outgoing } from "./publisher";

/** Why a message came back. */
export interface Return {
  code: number;
  text: string;
  /** Whether others look the same, one of which it may have been. */
  unsure: boolean;
}

/** A message on its way, and whether it came back. */
export interface Returnable {
  readonly message: Outgoing;
  returned: Return | undefined;
}

/**
 * Marks the message that came back. A return says nothing but the message itself, so it is the oldest that is the same in all that decides
 * about its way; such as are alike in that are interchangeable. Where headers cannot be compared, as a number that AMQP has no room for, all
 * that look the same count as returned, and where nothing looks the same, all that may come back: an error too many, but none too few.
 *
 * @param sent in the order they were published: the broker returns a message before it confirms it
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

/** The error of a message that came back. */
export function returnedError(message: Outgoing, { code, text, unsure }: Return): ConnectorError {
  const { exchange, routingKey } = message;
  const what = `No queue took the message to ${targetOf(message)}${unsure ? ", or one that looks the same" : ""}`;
  return new ConnectorError("PUBLISH_RETURNED", `${what}: ${code} ${text}`, { details: { exchange, routingKey, code } });
}

function looksAs(sent: Outgoing, { fields, properties, content }: Message): boolean {
  if (sent.exchange !== fields.exchange || sent.routingKey !== fields.routingKey) return false;
  return sent.options.messageId === (properties.messageId as string | undefined) && sent.content.equals(content);
}

/** A headers exchange decides by them, and CC names further queues. The broker keeps BCC to itself. */
function hasHeadersOf({ options }: Outgoing, { properties }: Message): boolean {
  const { BCC: _hidden, ...headers } = (options.headers ?? {}) as Record<string, unknown>;
  return isDeepStrictEqual(withoutTypes(headers), withoutTypes({ ...properties.headers }));
}

/** Numbers that are sent as a certain type come back without it. */
function withoutTypes(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutTypes);
  if ("!" in value && value["!"] !== "timestamp" && "value" in value && typeof value.value === "number") return value.value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutTypes(item)]));
}
