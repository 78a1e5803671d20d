import http from "node:http";
import type { AddressInfo } from "node:net";
import type { BayeuxMessage } from "../../../../../nodes/salesforce/client/events/cometd/bayeux";
import type { StreamOrg } from "../../../../../nodes/salesforce/client/events/org-streams";
import { HttpTransport } from "../../../../../nodes/salesforce/client/http/transport";
import type { RestClient } from "../../../../../nodes/salesforce/client/rest";

/** A call as it came. */
export interface Call {
  headers: http.IncomingHttpHeaders;
  text: string;
  messages: (BayeuxMessage & { advice?: { timeout?: number } })[];
}

/** JSON text of the messages of an answer, or an answer of another kind. */
export type Reply = string[] | { status: number; body: string };

type Rule = (message: BayeuxMessage, call: Call) => Reply | undefined | Promise<Reply | undefined>;

/** A Bayeux server that does what a test says, and beside that no more than the protocol asks for. */
export class ScriptedServer {
  readonly calls: Call[] = [];
  /** Asked first; what it answers to a message is the answer to the whole call. */
  rule: Rule = () => undefined;
  /** Calls whose connection was closed before they were answered. */
  brokenOff = 0;
  private readonly waiting: string[] = [];
  private held: (() => void) | undefined;
  private readonly server = http.createServer((request, response) => void this.serve(request, response));
  private readonly transport = new HttpTransport({ timeout: 2000 });
  /** By client id. */
  private readonly polls = new Map<string, number>();

  start(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  stop(): Promise<void> {
    this.transport.close();
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** What a transport needs of an org, which is this server. */
  get org(): StreamOrg {
    const session = { accessToken: "token-1", instanceUrl: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}` };
    return {
      session,
      openSession: async () => session,
      renewSession: async () => ({ ...session, accessToken: "token-2" }),
      doubtSession: () => undefined,
      onOtherOrg: () => () => undefined,
      untilReady: () => new Promise((resolve) => setTimeout(resolve, 5)),
      http: this.transport,
      rest: { version: "68.0" } as RestClient,
    };
  }

  /** Lets events wait for the next answer to a poll; one that is held is answered. */
  push(...events: string[]): void {
    this.waiting.push(...events);
    this.held?.();
  }

  /** The messages of a kind that came. */
  sent(channel: string): BayeuxMessage[] {
    return this.calls.flatMap(({ messages }) => messages.filter((message) => message.channel === channel));
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const call = { headers: request.headers, text, messages: JSON.parse(text) as Call["messages"] };
    this.calls.push(call);
    response.on("close", () => (this.brokenOff += response.writableFinished ? 0 : 1));
    const reply = await this.answer(call);
    if (!Array.isArray(reply)) return void response.writeHead(reply.status).end(reply.body);
    response.writeHead(200, { "set-cookie": "BAYEUX_BROWSER=b1; Path=/cometd/; HttpOnly" }).end(`[${reply.join(",")}]`);
  }

  private async answer(call: Call): Promise<Reply> {
    const replies: string[] = [];
    for (const message of call.messages) {
      const scripted = await this.rule(message, call);
      if (scripted) return scripted;
      replies.push(JSON.stringify(await this.reply(message, call)));
      if (message.channel === "/meta/connect") replies.unshift(...this.waiting.splice(0));
    }
    return replies;
  }

  private async reply({ channel, id, clientId = "", subscription, advice }: BayeuxMessage, { messages }: Call): Promise<object> {
    const ok = { channel, id, successful: true, ...(subscription ? { subscription } : {}) };
    if (channel === "/meta/handshake") return { ...ok, clientId: `client-${this.calls.length}`, ext: { replay: true } };
    if (channel === "/meta/disconnect") this.held?.();
    if (channel !== "/meta/connect") return ok;
    const polls = (this.polls.get(clientId) ?? 0) + 1;
    this.polls.set(clientId, polls);
    if (polls === 1) return { ...ok, advice: { interval: 0, timeout: 1000, reconnect: "retry" } };
    if (this.waiting.length === 0 && messages.length === 1 && advice?.timeout !== 0) await new Promise<void>((resolve) => (this.held = resolve));
    return ok;
  }
}

/** A platform event as JSON text; its id may be of any length. */
export function eventText(channel: string, replayId: string | number): string {
  const payload = { CreatedDate: new Date().toISOString(), Text__c: String(replayId) };
  return `{"channel":${JSON.stringify(channel)},"data":{"schema":"s","payload":${JSON.stringify(payload)},"event":{"replayId":${replayId}}}}`;
}
