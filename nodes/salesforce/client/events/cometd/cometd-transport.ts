import type { EventTransport, StartPoint, StreamListener, Subscription } from "../event-stream";
import type { StreamOptions, StreamOrg } from "../org-streams";
import { CometdChannel } from "./channel";
import { CometdSession } from "./cometd-session";

/**
 * The Streaming API: one Bayeux session for all channels of an org. A session holds a channel once, and with one position; so each further listener
 * of a channel, whatever its filter, gets a session of its own, which takes other channels' further listeners too.
 */
export class CometdTransport implements EventTransport {
  private readonly sessions = new Set<CometdSession>();
  private readonly ending = new Set<Promise<void>>();

  constructor(
    private readonly org: StreamOrg,
    private readonly options: StreamOptions,
  ) {}

  subscribe(name: string, start: StartPoint, listener: StreamListener): Subscription {
    const channel: CometdChannel = new CometdChannel(name, start, listener, this.options, () => session.subscribe());
    const session = this.placeFor(channel.key);
    session.add(channel);
    return {
      more: () => channel.more(),
      close: () => this.until(session.remove(channel), session),
    };
  }

  async close(): Promise<void> {
    for (const session of this.sessions) void this.until(session.close(), session);
    await Promise.all(this.ending);
  }

  private placeFor(key: string): CometdSession {
    for (const session of this.sessions) if (session.hasPlaceFor(key)) return session;
    const session = new CometdSession(this.org, this.options);
    this.sessions.add(session);
    return session;
  }

  private until(ended: Promise<void>, session: CometdSession): Promise<void> {
    if (session.isEmpty) this.sessions.delete(session);
    const settled = ended.finally(() => this.ending.delete(settled));
    this.ending.add(settled);
    return settled;
  }
}
