import type { BackOffOptions } from "../../../common/back-off";
import type { OrgClient } from "../org";
import { CometdTransport } from "./cometd/cometd-transport";
import type { EventTransport } from "./event-stream";
import { PubsubTransport } from "./pubsub/pubsub-transport";

/** How events come from the org. */
export type TransportName = "cometd" | "pubsub";

/** Settings of {@link OrgStreams}. Times in ms. */
export interface StreamOptions {
  /** Host and port of the Pub/Sub API; with `http://` in front without TLS, which only loopback hosts may be. Default `api.pubsub.salesforce.com:7443`. */
  pubsubEndpoint?: string;
  /** Pace of reconnecting after an outage. Default 1 s doubling to 2 min, full jitter. */
  backOff?: BackOffOptions;
  /** Pace of asking again for what was refused for good: a channel that does not exist, no access. Default 1 min doubling to 30 min. */
  refused?: BackOffOptions;
  /** Pace after the day's limit of events. Default 15 min. */
  limited?: BackOffOptions;
  /** How much longer than the server said a poll may take, and how long Pub/Sub may be silent beyond its 270 s. Default 30000. */
  patience?: number;
}

/** The part of an org that its streams use. */
export type StreamOrg = Pick<OrgClient, "openSession" | "renewSession" | "untilReady" | "session" | "http" | "rest">;

/** The event streams of an org: one client a transport, made when first asked for. */
export class OrgStreams {
  private readonly transports = new Map<TransportName, EventTransport>();

  constructor(
    private readonly org: StreamOrg,
    private readonly options: StreamOptions = {},
  ) {}

  /** The transport of that name. */
  over(name: TransportName): EventTransport {
    let transport = this.transports.get(name);
    if (!transport) {
      transport = name === "cometd" ? new CometdTransport(this.org, this.options) : new PubsubTransport(this.org, this.options);
      this.transports.set(name, transport);
    }
    return transport;
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    await Promise.all([...this.transports.values()].map((transport) => transport.close()));
    this.transports.clear();
  }
}
