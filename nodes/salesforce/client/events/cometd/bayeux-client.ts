import { setMaxListeners } from "node:events";
import { within } from "../../../../common/deadline";
import { mayHaveMoved } from "../../errors";
import type { Session } from "../../sign-in/login";
import type { StreamOrg } from "../org-streams";
import * as bayeux from "./bayeux";
import { Cookies } from "./cookies";
import { answerFailure, noAnswer, type StreamFailure } from "./failures";

/** Result of a call: the messages of its answer, or why there are none. */
export type Answer = { messages: bayeux.BayeuxMessage[]; failure?: undefined } | { failure: StreamFailure; messages?: undefined };

/** A client of the Bayeux protocol: makes the calls of one session, from its handshake on. */
export class BayeuxClient {
  private readonly cookies = new Cookies();
  private readonly url: string;
  private clientId = "";
  /** Settles when the handshake has its answer. */
  private shaken: Promise<unknown> = Promise.resolve();
  private lastId = 0;

  /** @param session gives the access token; with another token, another client is needed */
  constructor(
    private readonly org: Pick<StreamOrg, "http" | "rest" | "doubtSession">,
    private readonly session: Session,
  ) {
    this.url = `${session.instanceUrl}/cometd/${org.rest.version}`;
  }

  /** Begins the session. To be called before the others. */
  handshake(timeout: number, signal: AbortSignal): Promise<Answer> {
    const answer = this.send([bayeux.handshake(this.nextId())], timeout, signal).then((one) => {
      this.clientId = one.messages?.find(({ channel }) => channel === "/meta/handshake")?.clientId ?? "";
      return one;
    });
    this.shaken = answer;
    return answer;
  }

  /** Polls for events. @param leaving channels to unsubscribe first; if there are any, the server answers at once instead of waiting for events */
  connect(leaving: readonly string[], timeout: number, signal: AbortSignal): Promise<Answer> {
    return this.send([...leaving.map((channel) => this.unsubscribing(channel)), bayeux.connect(this.nextId(), this.clientId, leaving.length === 0)], timeout, signal);
  }

  /** Subscribes to channels. @param channels each with the replay id behind which to begin, or -1 (new events) or -2 (all retained events) */
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
   * Ends the session, so that a waiting poll is answered. If a handshake is under way, waits for it first: an org admits few clients at once, and still
   * counts for 40 s those that left without disconnecting. Resolves after `timeout` ms at the latest. Settles after `timeout` at the latest.
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
      // the messages tell more than the HTTP status, so that is looked at only when there are none
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

/** Makes the controller that aborts all calls of a session. No bound on its listeners, as there may be a call for each channel. */
export function newLife(): AbortController {
  const life = new AbortController();
  setMaxListeners(0, life.signal);
  return life;
}
