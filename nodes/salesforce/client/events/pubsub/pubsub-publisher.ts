import { randomUUID } from "node:crypto";
import { ConnectorError, type ErrorCode, isConnectorError, toConnectorError, unstopped } from "../../../../common/errors";
import type { EventPublisher, EventResult } from "../event-writer";
import type { Fields } from "../../records/collections";
import { isLostAnswer, lostAnswer } from "../../records/lost-answer";
import { userIdOf } from "../org-identity";
import { EventEncoder } from "./event-encoder";
import type { PubsubClient } from "./pubsub-client";
import { PubsubError } from "./pubsub-error";
import type { ProducerEvent, WirePublishResult } from "./protocol";
import { decimalOf, positionOf } from "./replay-id";
import type { SchemaCache } from "./schema-cache";

/** What is known about the topic of an event. */
interface Topic {
  schemaId: string;
  encoder: EventEncoder;
  /** When it was asked for, by `performance.now()`. */
  at: number;
}

type Encoded = Buffer | ConnectorError;

/** Publishes platform events through the Pub/Sub API. */
export class PubsubPublisher implements EventPublisher {
  private readonly topics = new Map<string, Promise<Topic>>();

  /** @param timing `freshFor`: when an event does not fit its schema, the schema is asked for again if it is older than so many ms */
  constructor(
    private readonly client: PubsubClient,
    private readonly schemas: SchemaCache,
    private readonly timing = { freshFor: 10_000 },
  ) {}

  /** As {@link EventPublisher.create}. */
  async create({ object, records }: { object: string; records: Fields[] }): Promise<EventResult[]> {
    try {
      const results = await this.createAll(object, records).catch((error: unknown) => {
        if (!isOfSchema(error)) throw error;
        this.topics.delete(object); // none was published, and they may fit the event's new schema
        return this.createAll(object, records);
      });
      return this.topics.has(object) ? results : await this.again(object, records, results);
    } catch (error) {
      throw error instanceof PubsubError && error.code === "CHANNEL_UNAVAILABLE" ? asRefusal(error) : error;
    }
  }

  private async createAll(object: string, records: Fields[]): Promise<EventResult[]> {
    const common = { CreatedDate: Date.now(), CreatedById: await this.userId() };
    const complete = records.map((fields) => ({ ...common, ...fields }));
    let topic = await this.topic(object);
    let encoded = encodeAll(topic, complete);
    if (encoded.some(isConnectorError) && performance.now() - topic.at > this.timing.freshFor) {
      this.topics.delete(object);
      topic = await this.topic(object);
      encoded = encodeAll(topic, complete);
    }
    const events = encoded.flatMap((payload): ProducerEvent[] => (isConnectorError(payload) ? [] : [{ id: randomUUID(), schema_id: topic.schemaId, payload }]));
    const published = events.length > 0 ? await this.publish(object, topic, events) : [];
    return encoded.map((one): EventResult => (isConnectorError(one) ? { ok: false, error: one } : (published.shift() as EventResult)));
  }

  /** The schema of the event has changed meanwhile: publishes those that were refused once more, as they may fit the new one. */
  private async again(object: string, records: Fields[], results: EventResult[]): Promise<EventResult[]> {
    const refused = results.flatMap((result, index) => (!result.ok && result.error.code === "ORG_REFUSED" ? index : []));
    if (refused.length === 0) return results;
    const second = await this.createAll(object, refused.map((index) => records[index] as Fields)).catch((error: unknown): EventResult[] => {
      return refused.map(() => ({ ok: false, error: toConnectorError(error, "ORG_UNAVAILABLE") }));
    });
    refused.forEach((index, place) => (results[index] = second[place] as EventResult));
    return results;
  }

  private async publish(object: string, topic: Topic, events: ProducerEvent[]): Promise<EventResult[]> {
    try {
      const { results, schema_id: schemaId } = await this.client.call("Publish", { topic_name: topicName(object), events });
      if (schemaId && schemaId !== topic.schemaId) this.topics.delete(object);
      return events.map((event, index) => resultOf(results[index], event));
    } catch (error) {
      if (!isConnectorError(error) || !isLostAnswer(error)) throw error;
      const lost = lostAnswer(error, "event was made");
      return events.map(() => ({ ok: false, error: lost }));
    }
  }

  private topic(object: string): Promise<Topic> {
    let topic = this.topics.get(object);
    if (!topic) {
      topic = this.ask(object);
      topic.catch(() => this.topics.delete(object));
      this.topics.set(object, topic);
    }
    return topic;
  }

  private async ask(object: string): Promise<Topic> {
    const { can_publish: may, schema_id: schemaId } = await this.client.call("GetTopic", { topic_name: topicName(object) });
    if (!may) throw new ConnectorError("ORG_REFUSED", `The org does not let this user publish ${object}`);
    const { schema } = await this.schemas.load(schemaId);
    if (schema instanceof PubsubError) throw schema;
    return { schemaId, encoder: new EventEncoder(object, schema), at: performance.now() };
  }

  private async userId(): Promise<string> {
    const { org } = this.client;
    return await userIdOf(org, await org.openSession());
  }
}

/** Turns `CHANNEL_UNAVAILABLE`, which is about reading, into the error for publishing: the event does not exist, or the org refuses what is sent. */
function asRefusal(error: PubsubError): ConnectorError {
  const code = error.details.errorCode === "sfdc.platform.eventbus.grpc.topic.not.found" ? "ORG_OBJECT_UNKNOWN" : "ORG_REFUSED";
  return new ConnectorError(code, error.message, { details: error.details, cause: error });
}

/** Whether the org does not know the schema by which the events were encoded. */
function isOfSchema(error: unknown): boolean {
  return error instanceof PubsubError && error.remedy === "mend" && String(error.details.errorCode).includes(".schema.");
}

function topicName(object: string): string {
  return `/event/${object}`;
}

function encodeAll({ encoder }: Topic, records: Fields[]): Encoded[] {
  return records.map((fields) => {
    try {
      return encoder.encode(fields);
    } catch (error) {
      if (isConnectorError(error)) return error;
      throw error;
    }
  });
}

function resultOf(result: WirePublishResult | undefined, { id }: ProducerEvent): EventResult {
  if (!result) return { ok: false, error: lostAnswer(new ConnectorError("ORG_UNAVAILABLE", "The Pub/Sub API gave no result for this event"), "event was made") };
  const { error, correlation_key: uuid, replay_id: replayId } = result;
  if (error) return { ok: false, error: new ConnectorError(codeOf(error), unstopped(error.msg), { details: { statusCode: error.code } }) };
  return { ok: true, id: uuid || id, eventUuid: uuid || id, replayId: decimalOf(positionOf(replayId)) };
}

function codeOf({ code, msg }: { code: string; msg: string }): ErrorCode {
  if (/LIMIT_EXCEEDED|limit (?:was |is )?exceeded|exceeded .*limit/i.test(msg)) return "ORG_LIMIT";
  if (/UNAVAILABLE/i.test(msg)) return "ORG_UNAVAILABLE";
  return code === "UNKNOWN" ? "ORG_BUSY" : "ORG_REFUSED";
}
