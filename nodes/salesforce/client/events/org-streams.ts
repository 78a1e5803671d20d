import type { BackOffOptions } from "../../../common/back-off";
import type { EventPublisher } from "./event-writer";
import type { OrgClient } from "../org";
import { CometdTransport } from "./cometd/cometd-transport";
import type { EventTransport } from "./event-stream";
import { PubsubTransport } from "./pubsub/pubsub-transport";

/** By which protocol events come from the org. */
export type TransportName = "cometd" | "pubsub";

/** Settings of {@link OrgStreams}. Times in ms. */
export interface StreamOptions {
  /** `host:port` of the Pub/Sub API; `http://` in front means without TLS, which only loopback hosts allow. Default `api.pubsub.salesforce.com:7443`. */
  pubsubEndpoint?: string;
  /** Pauses before it reconnects after an outage. Default: 1 s, doubling to 2 min, with full jitter. */
  backOff?: BackOffOptions;
  /** Pauses before it asks again for what the org refuses until someone fixes it (no such channel, no access). Default: 1 min, doubling to 30 min. */
  refused?: BackOffOptions;
  /** Pauses after the day's limit of events was reached. Default: 15 min. */
  limited?: BackOffOptions;
  /** The Pub/Sub API sends at least one message in so many ms, even when there are no events. Default 270000. */
  silence?: number;
  /** How many ms longer than the server said a poll of CometD may take, and the Pub/Sub API may be silent beyond {@link silence}. Default 30000. */
  patience?: number;
}

/** What the streams use of their org. */
export type StreamOrg = Pick<OrgClient, "openSession" | "renewSession" | "doubtSession" | "onOtherOrg" | "untilReady" | "session" | "http" | "rest">;

/** The event streams of an org: one client for each transport, made when it is first needed. */
export class OrgStreams {
  private cometd: CometdTransport | undefined;
  private pubsub: PubsubTransport | undefined;

  constructor(
    private readonly org: StreamOrg,
    private readonly options: StreamOptions = {},
  ) {}

  /** Gives the transport of a name. */
  over(name: TransportName): EventTransport {
    if (name === "cometd") return (this.cometd ??= new CometdTransport(this.org, this.options));
    return (this.pubsub ??= new PubsubTransport(this.org, this.options));
  }

  /** Publishes through the Pub/Sub API, over the same connection by which events come. */
  get publisher(): EventPublisher {
    return (this.pubsub ??= new PubsubTransport(this.org, this.options)).publisher;
  }

  /** Ends all streams and connections. */
  async close(): Promise<void> {
    await Promise.all([this.cometd?.close(), this.pubsub?.close()]);
    this.cometd = this.pubsub = undefined;
  }
}
