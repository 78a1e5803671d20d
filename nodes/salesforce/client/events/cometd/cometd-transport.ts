import type { EventTransport, StartPoint, StreamListener, Subscription } from "../event-stream";
import type { StreamOptions, StreamOrg } from "../org-streams";
import { CometdChannel } from "./channel";
import { CometdSession } from "./cometd-session";

/**
 * Brings events by the Streaming API (CometD): one Bayeux session for all channels of an org, where possible.
 *
 * A session holds each channel once, with one position. So each further listener of a channel, whatever its filter, needs another session, which it shares
 * with further listeners of other channels. A channel whose listener was too slow for the others gets a session for itself alone.
 */
export class CometdTransport implements EventTransport {
  private readonly sessions = new Set<CometdSession>();
  private readonly channels = new Set<CometdChannel>();

  constructor(
    private readonly org: StreamOrg,
    private readonly options: StreamOptions,
  ) {}

  subscribe(name: string, start: StartPoint, listener: StreamListener): Subscription {
    const goOn = (): void => {
      if (session.has(channel)) return session.goOn();
      session = this.open(true);
      session.add(channel);
    };
    const channel = new CometdChannel(name, start, listener, this.options, goOn);
    let session = this.placeFor(channel.key);
    this.channels.add(channel);
    session.add(channel);
    return {
      more: () => channel.more(),
      close: () => {
        const gone = session.remove(channel);
        channel.close();
        this.channels.delete(channel);
        return gone;
      },
    };
  }

  async close(): Promise<void> {
    const goodbyes = [...this.sessions].map((session) => session.close());
    for (const channel of this.channels) channel.close();
    this.channels.clear();
    await Promise.all(goodbyes);
  }

  private placeFor(key: string): CometdSession {
    for (const session of this.sessions) if (session.hasPlaceFor(key)) return session;
    return this.open();
  }

  private open(isAlone?: boolean): CometdSession {
    for (const session of this.sessions) if (session.isClosed) this.sessions.delete(session);
    const session = new CometdSession(this.org, this.options, isAlone);
    this.sessions.add(session);
    return session;
  }
}
