import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";

/** The JSON form of a service, as protobufjs takes it, on which proto-loader is based. */
type Namespace = Parameters<typeof fromJSON>[0];

/** The messages of `eventbus.v1`, with their fields in the order of their numbers, which start at 1 and have no gaps. `*` marks a list. */
const MESSAGES: Record<string, string> = {
  TopicRequest: "topicName:string",
  TopicInfo: "topicName:string tenantGuid:string canPublish:bool canSubscribe:bool schemaId:string rpcId:string",
  SchemaRequest: "schemaId:string",
  SchemaInfo: "schemaJson:string schemaId:string rpcId:string",
  EventHeader: "key:string value:bytes",
  ProducerEvent: "id:string schemaId:string payload:bytes headers:EventHeader*",
  ConsumerEvent: "event:ProducerEvent replayId:bytes",
  Error: "code:ErrorCode msg:string",
  PublishResult: "replayId:bytes error:Error correlationKey:string",
  FetchRequest: "topicName:string replayPreset:ReplayPreset replayId:bytes numRequested:int32 authRefresh:string",
  FetchResponse: "events:ConsumerEvent* latestReplayId:bytes rpcId:string pendingNumRequested:int32",
  PublishRequest: "topicName:string events:ProducerEvent* authRefresh:string",
  PublishResponse: "results:PublishResult* schemaId:string rpcId:string",
  CommitReplayRequest: "commitRequestId:string replayId:bytes",
  CommitReplayResponse: "commitRequestId:string replayId:bytes error:Error processTime:int64",
  ManagedFetchRequest: "subscriptionId:string developerName:string numRequested:int32 authRefresh:string commitReplayIdRequest:CommitReplayRequest",
  ManagedFetchResponse: "events:ConsumerEvent* latestReplayId:bytes rpcId:string pendingNumRequested:int32 commitResponse:CommitReplayResponse",
};

const ENUMS: Record<string, string[]> = { ErrorCode: ["UNKNOWN", "PUBLISH", "COMMIT"], ReplayPreset: ["LATEST", "EARLIEST", "CUSTOM"] };

/** Request and answer of each method. `*` marks a stream. */
const METHODS: Record<string, [string, string]> = {
  GetTopic: ["TopicRequest", "TopicInfo"],
  GetSchema: ["SchemaRequest", "SchemaInfo"],
  Publish: ["PublishRequest", "PublishResponse"],
  PublishStream: ["PublishRequest*", "PublishResponse*"],
  Subscribe: ["FetchRequest*", "FetchResponse*"],
  ManagedSubscribe: ["ManagedFetchRequest*", "ManagedFetchResponse*"],
};

/** Returns the service `eventbus.v1.PubSub`. Received messages have all fields, with defaults for those that were not sent. */
export function pubsubService(): ServiceDefinition<UntypedServiceImplementation> {
  const types = {
    ...mapValues(MESSAGES, (fields) => ({ fields: Object.fromEntries(fields.split(" ").map((field, index) => fieldOf(field, index + 1))) })),
    ...mapValues(ENUMS, (names) => ({ values: Object.fromEntries(names.map((name, value) => [name, value])) })),
    PubSub: { methods: mapValues(METHODS, methodOf) },
  };
  const root = { options: { syntax: "proto3" }, nested: { eventbus: { nested: { v1: { nested: types } } } } };
  return fromJSON(root as Namespace, { defaults: true, longs: Number })["eventbus.v1.PubSub"] as ServiceDefinition<UntypedServiceImplementation>;
}

function fieldOf(text: string, id: number): [string, { type: string; id: number; rule?: string }] {
  const [name = "", type = ""] = text.split(":");
  return [name, type.endsWith("*") ? { type: type.slice(0, -1), id, rule: "repeated" } : { type, id }];
}

function methodOf([request, answer]: [string, string]): { requestType: string; requestStream: boolean; responseType: string; responseStream: boolean } {
  const plain = (type: string): string => type.replace("*", "");
  return { requestType: plain(request), requestStream: request.endsWith("*"), responseType: plain(answer), responseStream: answer.endsWith("*") };
}

function mapValues<T, R>(record: Record<string, T>, map: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
