import type { OutgoingHttpHeaders } from "node:http";
import type { Answer } from "./bayeux";
import type { Exchange } from "./exchange";

/** The answer to a call while it is put together. Events come before the answers to the messages. */
export class Response {
  /** The events as JSON. */
  readonly events: string[] = [];
  headers: OutgoingHttpHeaders = {};

  constructor(
    private readonly exchange: Exchange,
    public status = 200,
    readonly answers: Answer[] = [],
  ) {}

  send(): void {
    const text = `[${[...this.events, ...this.answers.map((answer) => JSON.stringify(answer))].join(",")}]`;
    this.exchange.answer({ status: this.status, text, headers: { "Content-Type": "application/json;charset=UTF-8", ...this.headers } });
  }
}
