import type { Message } from "amqplib";
import { decode, type Format } from "../../format/format";
import { givenProperties } from "../client/consuming/queue-message";
import type { DeadLetter } from "./dead-letter";

/** The dead letter as a filter sees it. */
export interface LetterView {
  payload: unknown;
  headers: Record<string, unknown>;
  properties: Record<string, unknown>;
  error: { code?: string; message?: string; node?: string; attempts?: number; at?: string };
  /** The queue in which it failed. */
  queue?: string;
  exchange?: string;
  routingKey?: string;
  /** ms since it failed. */
  age?: number;
  redriven: number;
}

/** The message that a dry run sends for each dead letter. */
export interface LetterMessage {
  payload: unknown;
  /** The original routing key. */
  topic: string | undefined;
  deadLetter: DeadLetter;
  amqp: { properties: Record<string, unknown>; headers: Record<string, unknown> };
  /** For Node-RED's Join node. The last message has the count. */
  parts: { id: string; type: "array"; index: number; count?: number };
}

/** Decodes the content; returns the buffer itself when that fails. */
export function readPayload(message: Message, format: Format): unknown {
  try {
    return decode(message.content, format, message.properties);
  } catch {
    return message.content;
  }
}

/** Makes the view for a filter. */
export function viewOf(message: Message, letter: DeadLetter, payload: unknown): LetterView {
  const { code, message: text, node, attempts, failedAt: at, queue, exchange, routingKey, age, redriven } = letter;
  return {
    payload,
    headers: message.properties.headers ?? {},
    properties: givenProperties(message),
    error: { code, message: text, node, attempts, at },
    queue,
    exchange,
    routingKey,
    age,
    redriven,
  };
}

/** Sends a message for each dead letter. Each is sent when the next one is there, since the last one must carry the count. */
export class Preview {
  private waiting: LetterMessage | undefined;
  private index = 0;

  /** @param id of the group, for `msg.parts` */
  constructor(
    private readonly id: string,
    private readonly send: (message: LetterMessage) => void,
  ) {}

  add(message: Message, deadLetter: DeadLetter, payload: unknown): void {
    if (this.waiting) this.send(this.waiting);
    const amqp = { properties: givenProperties(message), headers: message.properties.headers ?? {} };
    this.waiting = { payload, topic: deadLetter.routingKey, deadLetter, amqp, parts: { id: this.id, type: "array", index: this.index } };
    this.index += 1;
  }

  end(): void {
    if (!this.waiting) return;
    this.waiting.parts.count = this.index;
    this.send(this.waiting);
    this.waiting = undefined;
  }
}
