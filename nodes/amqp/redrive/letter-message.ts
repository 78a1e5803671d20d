import type { Message } from "amqplib";
import { decode, type Format } from "../../format/format";
import { givenProperties } from "../client/queue-message";
import type { DeadLetter } from "./dead-letter";

/** What a filter looks at. */
export interface LetterView {
  payload: unknown;
  headers: Record<string, unknown>;
  properties: Record<string, unknown>;
  error: { code?: string; message?: string; node?: string; attempts?: number; at?: string };
  /** The queue it failed in. */
  queue?: string;
  exchange?: string;
  routingKey?: string;
  /** Since it failed, in ms. */
  age?: number;
  redriven: number;
}

/** What a dry run sends for each dead letter. */
export interface LetterMessage {
  payload: unknown;
  /** The original routing key. */
  topic: string | undefined;
  /** `age` in ms. */
  deadLetter: DeadLetter;
  amqp: { properties: Record<string, unknown>; headers: Record<string, unknown> };
  /** For Node-RED's Join: the last one carries the count. */
  parts: { id: string; type: "array"; index: number; count?: number };
}

/** The content as a value; as it is when it cannot be read. */
export function readPayload(message: Message, format: Format): unknown {
  try {
    return decode(message.content, format, message.properties);
  } catch {
    return message.content;
  }
}

/** A dead letter as an expression sees it. */
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

/** Sends one message a dead letter, each when the next is there: only the last one can know how many they are. */
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
