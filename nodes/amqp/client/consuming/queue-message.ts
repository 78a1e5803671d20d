import type { Message } from "amqplib";
import { plainCopy } from "../../../common/plain-copy";
import { originOf } from "./retry-and-dead-letter";

/** The message that a node sends into the flow for a message from a queue. */
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
    /** The broker's `x-death`: why and from where the broker has dead-lettered the message before, the newest first. */
    deaths: unknown[];
  };
}

/**
 * Makes the message for the flow from a message of the broker. The two share only values that cannot be changed: a node may change bytes and headers in place, and the copy
 * for the next attempt or the dead letters must still be what the broker sent.
 *
 * @param queue the queue from which the message was taken
 * @param payload the decoded content
 * @param delivery the value of `msg.delivery`
 */
export function queueMessage(message: Message, queue: string, payload: unknown, delivery: object): QueueMessage {
  const headers = plainCopy((message.properties.headers ?? {}) as Record<string, unknown>);
  const { exchange, routingKey } = originOf(message);
  const deaths: unknown = headers["x-death"];
  const { redelivered } = message.fields;
  const amqp = { queue, exchange, routingKey, redelivered, properties: givenProperties(message), headers, deaths: Array.isArray(deaths) ? deaths : [] };
  return { payload: payload === message.content ? Buffer.from(message.content) : payload, topic: routingKey, delivery, amqp };
}

/** Returns the properties that the message has, without headers. amqplib lists all possible ones; to `delete` those without a value took 20 µs per message. */
export function givenProperties(message: Message): Record<string, unknown> {
  const all = message.properties as unknown as Record<string, unknown>;
  const given: Record<string, unknown> = {};
  for (const name in all) if (all[name] !== undefined && name !== "headers") given[name] = all[name];
  return given;
}
