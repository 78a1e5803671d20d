/** Where a subscription begins: the values of `replay_preset`. */
export const ReplayPreset = { LATEST: 0, EARLIEST: 1, CUSTOM: 2 } as const;

/** What went wrong with an event or a commit: the values of `code` in an {@link EventError}. */
export const ErrorCode = { UNKNOWN: 0, PUBLISH: 1, COMMIT: 2 } as const;

/** The request of `GetTopic`. */
export interface TopicRequest {
  topicName: string;
}

/** The answer of `GetTopic`. */
export interface TopicInfo {
  topicName: string;
  /** Id of the org. */
  tenantGuid: string;
  canPublish: boolean;
  canSubscribe: boolean;
  /** Empty for a channel with events of several schemas. */
  schemaId: string;
  rpcId: string;
}

/** The request of `GetSchema`. */
export interface SchemaRequest {
  schemaId: string;
}

/** The answer of `GetSchema`. */
export interface SchemaInfo {
  schemaJson: string;
  schemaId: string;
  rpcId: string;
}

/** An event in Avro, published or delivered. */
export interface ProducerEvent {
  /** In a published event, the id that the publisher has given it. In a delivered event, its EventUuid. */
  id: string;
  schemaId: string;
  payload: Buffer;
}

/** An event as it is delivered. */
export interface ConsumerEvent {
  event: ProducerEvent;
  /** 10 bytes, as `encodeReplayId` writes them. */
  replayId: Buffer;
}

/** What went wrong with an event or a commit. */
export interface EventError {
  code: number;
  msg: string;
}

/** A request of `Subscribe`. */
export interface FetchRequest {
  topicName: string;
  replayPreset: number;
  replayId: Buffer;
  numRequested: number;
  /** A new access token. */
  authRefresh: string;
}

/** A delivery of `Subscribe`. */
export interface FetchResponse {
  events: ConsumerEvent[];
  latestReplayId: Buffer;
  rpcId: string;
  pendingNumRequested: number;
}

/** A request of `Publish` and `PublishStream`. */
export interface PublishRequest {
  topicName: string;
  events: ProducerEvent[];
  authRefresh: string;
}

/** The result of an event: a replay id or an error. */
export interface PublishResult {
  replayId?: Buffer;
  error?: EventError;
  correlationKey: string;
}

/** An answer of `Publish` and `PublishStream`. Its results are in the order of the events. */
export interface PublishResponse {
  results: PublishResult[];
  schemaId: string;
  rpcId: string;
}

/** A request of `ManagedSubscribe`. */
export interface ManagedFetchRequest {
  subscriptionId: string;
  developerName: string;
  numRequested: number;
  authRefresh: string;
  commitReplayIdRequest: { commitRequestId: string; replayId: Buffer } | null;
}

/** A delivery of `ManagedSubscribe`. */
export interface ManagedFetchResponse extends FetchResponse {
  commitResponse?: { commitRequestId: string; replayId: Buffer; error?: EventError; processTime: number };
}
