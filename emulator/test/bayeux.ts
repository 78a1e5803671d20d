import assert from "node:assert/strict";
import type { Emulator } from "../src/index";
import { http, login, type Answer } from "./helpers";

/** What the tests read of a message. */
export interface Answered {
  channel: string;
  id?: string;
  clientId?: string;
  successful?: boolean;
  error?: string;
  advice?: { reconnect?: string; interval?: number; timeout?: number };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into messages of many shapes
  [key: string]: any;
}

/** A client of long-polling that does nothing by itself: what it sends is what stands in the test. */
export class Bayeux {
  clientId = "";
  cookie: string | undefined;
  private lastId = 0;

  constructor(
    readonly emulator: Emulator,
    public token: string,
    readonly path = "/cometd/66.0/",
  ) {}

  /** A client that has shaken hands, and had its first connect. */
  static async open(emulator: Emulator, token?: string, ext?: object): Promise<Bayeux> {
    const client = new Bayeux(emulator, token ?? (await login(emulator)));
    assert.equal((await client.handshake(ext ? { ext } : {})).successful, true);
    assert.equal((await client.connect()).at(-1)!.successful, true);
    return client;
  }

  /** Posts a body as it is. */
  post(body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer> {
    const sent = new Headers({ "Content-Type": "application/json", ...headers });
    if (this.token) sent.set("Authorization", `Bearer ${this.token}`);
    if (this.cookie !== undefined) sent.set("Cookie", this.cookie);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return http(this.emulator.url + this.path, { method: "POST", body: text, headers: sent, ...(signal ? { signal } : {}) });
  }

  /** Sends messages; gives those of the answer. */
  async send(...messages: object[]): Promise<Answered[]> {
    const { status, body, headers } = await this.post(messages.map((message) => ({ id: String(++this.lastId), ...message })));
    assert.equal(status, 200, JSON.stringify(body));
    this.cookie ??= headers.get("set-cookie")?.split(";")[0];
    return body as Answered[];
  }

  async handshake(more: object = {}): Promise<Answered> {
    const asked = { channel: "/meta/handshake", version: "1.0", supportedConnectionTypes: ["long-polling"], ...more };
    const [answer] = await this.send(asked);
    this.clientId = answer!.clientId ?? "";
    return answer!;
  }

  connect(more: object = {}): Promise<Answered[]> {
    return this.send(this.message("/meta/connect", { connectionType: "long-polling", ...more }));
  }

  async subscribe(subscription: string, replay?: unknown): Promise<Answered> {
    return (await this.send(this.message("/meta/subscribe", { subscription, ...(replay === undefined ? {} : { ext: { replay } }) }))).at(-1)!;
  }

  async unsubscribe(subscription: string): Promise<Answered> {
    return (await this.send(this.message("/meta/unsubscribe", { subscription })))[0]!;
  }

  async disconnect(): Promise<Answered> {
    return (await this.send(this.message("/meta/disconnect")))[0]!;
  }

  /** A message in this client's name. */
  message(channel: string, more: object = {}): object {
    return { channel, clientId: this.clientId, ...more };
  }

  /** Connects until so many events have come; gives their messages. */
  async receive(count: number): Promise<Answered[]> {
    const events: Answered[] = [];
    while (events.length < count) {
      const answers = await this.connect();
      assert.equal(answers.at(-1)!.successful, true, JSON.stringify(answers.at(-1)));
      events.push(...answers.slice(0, -1));
    }
    return events;
  }

  /** Waits until the server holds a connect of this client. */
  async held(): Promise<void> {
    const isHeld = (): boolean => this.emulator.control.listStreams().streams.some(({ clientId, held }) => clientId === this.clientId && held);
    while (!isHeld()) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
