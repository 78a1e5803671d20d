import { BoundedMap } from "../../../../common/bounded-map";
import { errorText } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import { parseSchema, type Schema } from "./avro-value";
import { EventDecoder, unreadableEvent } from "./event-decoder";
import type { ConsumerEvent } from "./protocol";
import type { PubsubClient } from "./pubsub-client";
import { PubsubError } from "./pubsub-error";

/** A schema that was fetched. */
export interface KnownSchema {
  /** The parsed schema, or why it can never be parsed. */
  schema: Schema | PubsubError;
  /** Decodes an event of this schema. When the schema cannot be parsed, gives an unreadable event with its bytes. */
  decode(event: ConsumerEvent): StreamEvent;
}

/** How many schemas are kept at most. An org makes a new one with each change of an event's fields. */
const MOST = 500;

/** The schemas of an org by their ids. Each is fetched once, as the schema of an id never changes. */
export class SchemaCache {
  private readonly known = new BoundedMap<string, KnownSchema>(MOST);
  private readonly loading = new Map<string, Promise<KnownSchema>>();

  constructor(private readonly client: Pick<PubsubClient, "call" | "avro">) {}

  /** The schema, if it was fetched. */
  get(id: string): KnownSchema | undefined {
    return this.known.get(id);
  }

  /** The schema; fetches it if need be. @throws PubsubError, or a ConnectorError when no connection can be made */
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
    const known = this.read(id, json);
    this.known.set(id, known);
    return known;
  }

  private read(id: string, json: string): KnownSchema {
    const { avro } = this.client; // outside of the try, as a missing package is not the schema's fault
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
