import type { OutgoingHttpHeaders } from "node:http";
import type { Answer } from "./bayeux";
import type { Exchange } from "./exchange";

/** The answer to a call, as it is put together: events ahead of the answers to the messages. */
export class Response {
  /** Events as JSON. */
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
