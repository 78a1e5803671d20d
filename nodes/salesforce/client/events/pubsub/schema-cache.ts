import { errorText } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import { parseSchema, type Schema } from "./avro-value";
import { EventDecoder, unreadableEvent } from "./event-decoder";
import type { ConsumerEvent } from "./protocol";
import type { PubsubClient } from "./pubsub-client";
import { PubsubError } from "./pubsub-error";

/** What is known of a schema. */
export interface KnownSchema {
  /** Parsed; or why it cannot be, and never will. */
  schema: Schema | PubsubError;
  /** Decodes its events: without the schema into their bytes. */
  decode(event: ConsumerEvent): StreamEvent;
}

/** Most schemas kept: an org makes a new one with each change of an event's fields. */
const MOST = 500;

/** The schemas of an org by their ids, each fetched once: what an id stands for never changes. */
export class SchemaCache {
  private readonly known = new Map<string, KnownSchema>();
  private readonly loading = new Map<string, Promise<KnownSchema>>();

  constructor(private readonly client: Pick<PubsubClient, "call" | "avro">) {}

  /** The schema if it is here. */
  get(id: string): KnownSchema | undefined {
    return this.known.get(id);
  }

  /** The schema, fetched when it is not here. @throws PubsubError, and a ConnectorError when there is no connection to be had */
  async load(id: string): Promise<KnownSchema> {
    const ready = this.known.get(id);
    if (ready) return ready;
    let fetched = this.loading.get(id);
    if (!fetched) {
      fetched = this.fetch(id).finally(() => this.loading.delete(id));
      this.loading.set(id, fetched);
    }
    return await fetched;
  }

  private async fetch(id: string): Promise<KnownSchema> {
    const { schema_json: json } = await this.client.call("GetSchema", { schema_id: id });
    if (!json) throw new PubsubError("ORG_UNAVAILABLE", `The org gave no schema ${id}`, "retry");
    const [oldest] = this.known.keys();
    if (this.known.size >= MOST && oldest !== undefined) this.known.delete(oldest);
    const known = this.read(id, json);
    this.known.set(id, known);
    return known;
  }

  private read(id: string, json: string): KnownSchema {
    const { avro } = this.client; // when the package is missing, that is no fault of the schema
    try {
      const schema = parseSchema(avro, json);
      const decoder = new EventDecoder(id, schema);
      return { schema, decode: (event) => decoder.decode(event) };
    } catch (cause) {
      const why = errorText(cause);
      return {
        schema: new PubsubError("CHANNEL_UNAVAILABLE", `The schema ${id} cannot be read: ${why}`, "mend", { cause }),
        decode: (event) => unreadableEvent(event, id, "event", `has a schema that cannot be read, ${id}: ${why}`),
      };
    }
  }
}
