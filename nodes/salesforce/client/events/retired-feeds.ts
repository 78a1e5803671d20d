import type { EventFeed } from "./event-feed";

/** Feeds of orgs that the login does not lead to any more. Nobody can send their events again, so they are kept until the flow has finished with each. */
export class RetiredFeeds {
  private readonly feeds = new Set<EventFeed>();

  /** @param warn told how many events are lost since they had to be given up */
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
