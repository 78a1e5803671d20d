import type { Message } from "amqplib";
import { plainCopy } from "../../common/plain-copy";
import { originOf } from "./retry-and-dead-letter";

/** The message that a node which takes from a queue sends. */
export interface QueueMessage {
  payload: unknown;
  /** The routing key. */
  topic: string;
  delivery: object;
  amqp: {
    queue: string;
    exchange: string;
    routingKey: string;
    redelivered: boolean;
    properties: Record<string, unknown>;
    headers: Record<string, unknown>;
    /** The broker's `x-death`: why and where it was dead-lettered by the broker before, newest first. */
    deaths: unknown[];
  };
}

/**
 * What goes into the flow for a message of the broker. It shares nothing with that but what nobody can change: a node may change bytes and
 * headers in place, and the copy for the next attempt or the dead letters must still be what the broker sent.
 *
 * @param queue it was taken from
 * @param payload its decoded content
 * @param delivery for `msg.delivery`
 */
export function queueMessage(message: Message, queue: string, payload: unknown, delivery: object): QueueMessage {
  const headers = plainCopy((message.properties.headers ?? {}) as Record<string, unknown>);
  const { exchange, routingKey } = originOf(message);
  const deaths: unknown = headers["x-death"];
  const { redelivered } = message.fields;
  const amqp = { queue, exchange, routingKey, redelivered, properties: givenProperties(message), headers, deaths: Array.isArray(deaths) ? deaths : [] };
  return { payload: payload === message.content ? Buffer.from(message.content) : payload, topic: routingKey, delivery, amqp };
}

/** The properties that were sent. amqplib lists all there are; taking the others out by `delete` cost 20 µs a message. */
export function givenProperties(message: Message): Record<string, unknown> {
  const all = message.properties as unknown as Record<string, unknown>;
  const given: Record<string, unknown> = {};
  for (const name in all) if (all[name] !== undefined && name !== "headers") given[name] = all[name];
  return given;
}
