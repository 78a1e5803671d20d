import { type ConnectorError, toConnectorError } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import type { ConsumerEvent } from "./protocol";
import type { SchemaCache } from "./schema-cache";

/** Events of a stream that have come and are not handed over yet, in their order: their schema is being fetched, or the listener has no room for them. */
export class Backlog {
  private events: ConsumerEvent[] = [];
  /** Goes up each time the backlog is cleared. */
  private era = 0;
  private loading = false;

  /** @param onSchema told when a schema that was waited for is here, or, with an error, that it could not be fetched */
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

  /** Takes out the next events: up to `most`, and only up to the first whose schema is not here. When that is the very first, fetches its schema. */
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
    // after a clear, an error no longer counts; events that came since may wait for the same schema, and ask again
    this.onSchema(era === this.era ? error : undefined);
  }
}
