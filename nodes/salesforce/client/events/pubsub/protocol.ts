import type { fromJSON } from "@grpc/proto-loader";

/** The part of the service `eventbus.v1.PubSub` that is used here: types of its messages as they are read and written, and the descriptor with their field numbers. */

/** Answer to `GetTopic`. */
export interface TopicInfo {
  topic_name: string;
  can_publish: boolean;
  can_subscribe: boolean;
  schema_id: string;
}

/** Answer to `GetSchema`. */
export interface SchemaInfo {
  /** The Avro schema, as JSON. */
  schema_json: string;
  schema_id: string;
}

/** An event to be published, and the part of a received event that the publisher made. */
export interface ProducerEvent {
  /** Subscribers get it as the event's EventUuid. */
  id: string;
  schema_id: string;
  /** Avro binary. */
  payload: Buffer;
}

/** An event that was received. */
export interface ConsumerEvent {
  event: ProducerEvent | null;
  replay_id: Buffer;
}

/** Asks for events. `replay_preset` and `replay_id` count only in the first request of a stream. */
export interface FetchRequest {
  topic_name: string;
  replay_preset?: "LATEST" | "EARLIEST" | "CUSTOM";
  replay_id?: Buffer;
  num_requested: number;
}

/** Brings events, or, without any, says that there are none. */
export interface FetchResponse {
  events: ConsumerEvent[];
  /** In an answer without events: no event up to this position is outstanding. */
  latest_replay_id: Buffer;
}

/** What became of one published event. */
export interface WirePublishResult {
  replay_id: Buffer;
  error: { code: "UNKNOWN" | "PUBLISH" | "COMMIT"; msg: string } | null;
  /** EventUuid of the event. */
  correlation_key: string;
}

/** Answer to `Publish`: a result for each event, in the order of the request. */
export interface PublishResponse {
  results: WirePublishResult[];
  /** Id of the schema that the topic has now. */
  schema_id: string;
}

/** A field as protobufjs expects it. */
interface WireField {
  id: number;
  type: string;
  rule?: "repeated";
}

const field = (id: number, type: string): WireField => ({ id, type });
const list = (id: number, type: string): WireField => ({ id, type, rule: "repeated" });
const message = (fields: Record<string, WireField>): { fields: Record<string, WireField> } => ({ fields });
// protobufjs's types require a comment
const rpc = (requestType: string, responseType: string): { requestType: string; responseType: string; comment: string } => ({ requestType, responseType, comment: "" });

/** The service, as protobufjs expects it. */
export const DESCRIPTOR: Parameters<typeof fromJSON>[0] = {
  nested: {
    eventbus: {
      nested: {
        v1: {
          nested: {
            ErrorCode: { values: { UNKNOWN: 0, PUBLISH: 1, COMMIT: 2 } },
            ReplayPreset: { values: { LATEST: 0, EARLIEST: 1, CUSTOM: 2 } },
            Error: message({ code: field(1, "ErrorCode"), msg: field(2, "string") }),
            EventHeader: message({ key: field(1, "string"), value: field(2, "bytes") }),
            TopicRequest: message({ topic_name: field(1, "string") }),
            TopicInfo: message({
              topic_name: field(1, "string"),
              tenant_guid: field(2, "string"),
              can_publish: field(3, "bool"),
              can_subscribe: field(4, "bool"),
              schema_id: field(5, "string"),
              rpc_id: field(6, "string"),
            }),
            SchemaRequest: message({ schema_id: field(1, "string") }),
            SchemaInfo: message({ schema_json: field(1, "string"), schema_id: field(2, "string"), rpc_id: field(3, "string") }),
            ProducerEvent: message({ id: field(1, "string"), schema_id: field(2, "string"), payload: field(3, "bytes"), headers: list(4, "EventHeader") }),
            ConsumerEvent: message({ event: field(1, "ProducerEvent"), replay_id: field(2, "bytes") }),
            FetchRequest: message({
              topic_name: field(1, "string"),
              replay_preset: field(2, "ReplayPreset"),
              replay_id: field(3, "bytes"),
              num_requested: field(4, "int32"),
              auth_refresh: field(5, "string"),
            }),
            FetchResponse: message({
              events: list(1, "ConsumerEvent"),
              latest_replay_id: field(2, "bytes"),
              rpc_id: field(3, "string"),
              pending_num_requested: field(4, "int32"),
            }),
            PublishRequest: message({ topic_name: field(1, "string"), events: list(2, "ProducerEvent"), auth_refresh: field(3, "string") }),
            PublishResult: message({ replay_id: field(1, "bytes"), error: field(2, "Error"), correlation_key: field(3, "string") }),
            PublishResponse: message({ results: list(1, "PublishResult"), schema_id: field(2, "string"), rpc_id: field(3, "string") }),
            PubSub: {
              methods: {
                Subscribe: { ...rpc("FetchRequest", "FetchResponse"), requestStream: true, responseStream: true },
                GetSchema: rpc("SchemaRequest", "SchemaInfo"),
                GetTopic: rpc("TopicRequest", "TopicInfo"),
                Publish: rpc("PublishRequest", "PublishResponse"),
              },
            },
          },
        },
      },
    },
  },
};

/** How messages are read: field names as above, absent fields as their defaults, enums and 64-bit numbers as text. */
export const READ_OPTIONS = { keepCase: true, longs: String, enums: String, defaults: true };
