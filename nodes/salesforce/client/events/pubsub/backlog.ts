import { type ConnectorError, toConnectorError } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import type { ConsumerEvent } from "./protocol";
import type { SchemaCache } from "./schema-cache";

/** Events of a stream that have come and are not handed over, in their order: their schema is on its way, or there is no room for them. */
export class Backlog {
  private events: ConsumerEvent[] = [];
  /** Rises when all is forgotten. */
  private era = 0;
  private loading = false;

  /** @param onSchema told when a schema has come that was waited for, or why it has not */
  constructor(
    private readonly schemas: SchemaCache,
    private readonly onSchema: (error?: ConnectorError) => void,
  ) {}

  get size(): number {
    return this.events.length;
  }

  add(events: readonly ConsumerEvent[]): void {
    for (const event of events) this.events.push(event);
  }

  clear(): void {
    this.events = [];
    this.era += 1;
  }

  /** Takes out the next events, `most` at the most, as far as their schemas are here. None, while the first one's is on its way. */
  take(most: number): StreamEvent[] {
    const ready: StreamEvent[] = [];
    for (const event of this.events.slice(0, most)) {
      const id = event.event?.schema_id ?? "";
      const known = this.schemas.get(id);
      if (!known) {
        if (ready.length === 0) void this.load(id);
        break;
      }
      ready.push(known.decode(event));
    }
    this.events.splice(0, ready.length);
    return ready;
  }

  private async load(id: string): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    const { era } = this;
    const error = await this.schemas.load(id).then(
      () => undefined,
      (cause: unknown) => toConnectorError(cause, "ORG_UNAVAILABLE"),
    );
    this.loading = false;
    // what another stream has brought meanwhile may wait for it, too, and asks again
    this.onSchema(era === this.era ? error : undefined);
  }
}
