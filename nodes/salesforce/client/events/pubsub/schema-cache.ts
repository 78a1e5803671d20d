import { errorText } from "../../../../common/errors";
import { parseSchema, type Schema } from "./avro-value";
import { EventDecoder } from "./event-decoder";
import type { PubsubClient } from "./pubsub-client";
import { PubsubError } from "./pubsub-error";

/** A schema, parsed, and what decodes its events. */
export interface KnownSchema {
  id: string;
  schema: Schema;
  decoder: EventDecoder;
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
    const [oldest] = this.known.keys();
    if (this.known.size >= MOST && oldest !== undefined) this.known.delete(oldest);
    try {
      const schema = parseSchema(this.client.avro, json);
      const known = { id, schema, decoder: new EventDecoder(id, schema) };
      this.known.set(id, known);
      return known;
    } catch (cause) {
      throw new PubsubError("CHANNEL_UNAVAILABLE", `The schema ${id} cannot be read: ${errorText(cause)}`, "mend", { cause });
    }
  }
}
