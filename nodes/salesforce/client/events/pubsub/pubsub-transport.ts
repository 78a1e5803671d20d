import type { EventTransport, StartPoint, StreamListener, Subscription } from "../event-stream";
import type { StreamOptions, StreamOrg } from "../org-streams";
import { PubsubClient } from "./pubsub-client";
import { PubsubPublisher } from "./pubsub-publisher";
import { PubsubSubscription } from "./pubsub-subscription";
import { SchemaCache } from "./schema-cache";

/** Brings events by the Pub/Sub API: one gRPC channel for the org, and one stream for each subscription. */
export class PubsubTransport implements EventTransport {
  /** Publishes over the same gRPC channel. */
  readonly publisher: PubsubPublisher;
  private readonly client: PubsubClient;
  private readonly schemas: SchemaCache;
  private readonly subscriptions = new Set<PubsubSubscription>();

  constructor(
    org: StreamOrg,
    private readonly options: StreamOptions,
  ) {
    this.client = new PubsubClient(org, options);
    this.schemas = new SchemaCache(this.client);
    this.publisher = new PubsubPublisher(this.client, this.schemas);
  }

  subscribe(channel: string, start: StartPoint, listener: StreamListener): Subscription {
    const { client, schemas, options } = this;
    const subscription: PubsubSubscription = new PubsubSubscription({
      ...{ client, schemas, options, channel, start, listener },
      onClosed: () => this.subscriptions.delete(subscription),
    });
    this.subscriptions.add(subscription);
    return subscription;
  }

  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.close()));
    this.client.close();
  }
}
