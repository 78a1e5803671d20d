import { setMaxListeners } from "node:events";
import { within } from "../../../../common/deadline";
import { mayHaveMoved } from "../../errors";
import type { Session } from "../../sign-in/login";
import type { StreamOrg } from "../org-streams";
import * as bayeux from "./bayeux";
import { Cookies } from "./cookies";
import { answerFailure, noAnswer, type StreamFailure } from "./failures";

/** What came of a call: the messages of its answer, or why there are none. */
export type Answer = { messages: bayeux.BayeuxMessage[]; failure?: undefined } | { failure: StreamFailure; messages?: undefined };

/** The calls of one Bayeux client, from its handshake on. */
export class BayeuxClient {
  private readonly cookies = new Cookies();
  private readonly url: string;
  private clientId = "";
  private shaken: Promise<unknown> = Promise.resolve();
  private lastId = 0;

  /** @param session what it is authorised with: another token is another client */
  constructor(
    private readonly org: Pick<StreamOrg, "http" | "rest" | "doubtSession">,
    private readonly session: Session,
  ) {
    this.url = `${session.instanceUrl}/cometd/${org.rest.version}`;
  }

  /** Makes the session; the others need it. */
  handshake(timeout: number, signal: AbortSignal): Promise<Answer> {
    const answer = this.send([bayeux.handshake(this.nextId())], timeout, signal).then((one) => {
      this.clientId = one.messages?.find(({ channel }) => channel === "/meta/handshake")?.clientId ?? "";
      return one;
    });
    this.shaken = answer;
    return answer;
  }

  /** A poll. @param leaving channels to unsubscribe first: then the answer is not held */
  connect(leaving: readonly string[], timeout: number, signal: AbortSignal): Promise<Answer> {
    return this.send([...leaving.map((channel) => this.unsubscribing(channel)), bayeux.connect(this.nextId(), this.clientId, leaving.length === 0)], timeout, signal);
  }

  /** @param channels with the replay id to begin behind, -1 or -2 */
  subscribe(channels: readonly { channel: string; replay: string }[], timeout: number, signal: AbortSignal): Promise<Answer> {
    return this.send(
      channels.map(({ channel, replay }) => bayeux.subscribe(this.nextId(), this.clientId, channel, replay)),
      timeout,
      signal,
    );
  }

  unsubscribe(channel: string, timeout: number, signal: AbortSignal): Promise<Answer> {
    return this.send([this.unsubscribing(channel)], timeout, signal);
  }

  /**
   * Ends the session, which lets go of a poll that is held; one that is just being made, too: an org lets few clients in at once, and remembers those
   * that went without a word for 40 s. Settles after `timeout` at the latest.
   */
  async disconnect(leaving: readonly string[], timeout: number): Promise<void> {
    const goodbye = this.shaken.then(() => {
      if (this.clientId === "") return undefined;
      return this.send([...leaving.map((channel) => this.unsubscribing(channel)), bayeux.disconnect(this.nextId(), this.clientId)], timeout);
    });
    await within(goodbye, timeout);
  }

  private unsubscribing(channel: string): bayeux.Outgoing {
    return bayeux.unsubscribe(this.nextId(), this.clientId, channel);
  }

  private nextId(): string {
    this.lastId += 1;
    return String(this.lastId);
  }

  private async send(messages: bayeux.Outgoing[], timeout: number, signal?: AbortSignal): Promise<Answer> {
    const headers = { "content-type": "application/json", authorization: `Bearer ${this.session.accessToken}`, ...this.cookies.headers() };
    try {
      const answer = await this.org.http.send({ method: "POST", url: this.url, headers, body: `[${messages.join(",")}]`, timeout, signal });
      this.cookies.note(answer.headers);
      // Whatever the status says: the messages are more telling.
      const read = bayeux.readMessages(answer.body);
      return read ? { messages: read } : this.failed(answerFailure(answer));
    } catch (error) {
      return this.failed(noAnswer(error));
    }
  }

  private failed(failure: StreamFailure): Answer {
    if (mayHaveMoved(failure.error)) this.org.doubtSession(this.session);
    return { failure };
  }
}

/** Ends all calls of a session, of which there may be one for each channel. */
export function newLife(): AbortController {
  const life = new AbortController();
  setMaxListeners(0, life.signal);
  return life;
}
