import type { BackOffOptions } from "../../../common/back-off";
import type { EventPublisher } from "../event-writer";
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
  /** How long the Pub/Sub API may be silent before {@link patience} runs: it says at least so often that there is nothing. Default 270000. */
  silence?: number;
  /** How much longer than the server said a poll may take, and how long Pub/Sub may be silent beyond {@link silence}. Default 30000. */
  patience?: number;
}

/** The part of an org that its streams use. */
export type StreamOrg = Pick<OrgClient, "openSession" | "renewSession" | "doubtSession" | "onOtherOrg" | "untilReady" | "session" | "http" | "rest">;

/** The event streams of an org: one client a transport, made when first asked for. */
export class OrgStreams {
  private cometd: CometdTransport | undefined;
  private pubsub: PubsubTransport | undefined;

  constructor(
    private readonly org: StreamOrg,
    private readonly options: StreamOptions = {},
  ) {}

  /** The transport of that name. */
  over(name: TransportName): EventTransport {
    if (name === "cometd") return (this.cometd ??= new CometdTransport(this.org, this.options));
    return (this.pubsub ??= new PubsubTransport(this.org, this.options));
  }

  /** Publishes by the Pub/Sub API, over the connection that events come by. */
  get publisher(): EventPublisher {
    return (this.pubsub ??= new PubsubTransport(this.org, this.options)).publisher;
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    await Promise.all([this.cometd?.close(), this.pubsub?.close()]);
    this.cometd = this.pubsub = undefined;
  }
}
