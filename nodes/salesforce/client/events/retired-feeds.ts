import type { EventFeed } from "./event-feed";

/** Feeds of orgs to which the login no longer leads. Their events cannot be sent again, so each feed is kept until the flow has finished its events. */
export class RetiredFeeds {
  private readonly feeds = new Set<EventFeed>();

  /** @param warn called with a text about the events that were given up and are lost */
  constructor(private readonly warn: (text: string) => void) {}

  /** How many events are in the flow, or wait to be handed to it again. */
  get openCount(): number {
    let count = 0;
    for (const feed of this.feeds) count += feed.openCount;
    return count;
  }

  add(feed: EventFeed): void {
    this.feeds.add(feed);
    void feed.retire().then(() => this.feeds.delete(feed));
  }

  /** To be called when wires may have changed. */
  rewired(): void {
    for (const feed of this.feeds) feed.rewired();
  }

  /** Lets the flow finish until `end` (a time of `performance.now()`), and gives up the rest. */
  async close(end: number): Promise<void> {
    const feeds = [...this.feeds];
    await Promise.all(feeds.map((feed) => feed.close(end)));
    const lost = feeds.reduce((sum, { unfinished }) => sum + unfinished, 0);
    if (lost > 0) this.warn(`${lost} event${lost === 1 ? "" : "s"} of the org that the login led to before had not been finished, and nobody can send ${lost === 1 ? "it" : "them"} again`);
  }
}
