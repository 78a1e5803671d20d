/** Where a subscription begins, as `replay_preset` counts it. */
export const ReplayPreset = { LATEST: 0, EARLIEST: 1, CUSTOM: 2 } as const;

/** What went wrong with one event or commit, as `code` of an {@link EventError} counts it. */
export const ErrorCode = { UNKNOWN: 0, PUBLISH: 1, COMMIT: 2 } as const;

/** What `GetTopic` is asked. */
export interface TopicRequest {
  topicName: string;
}

/** What `GetTopic` answers. */
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

/** What `GetSchema` is asked. */
export interface SchemaRequest {
  schemaId: string;
}

/** What `GetSchema` answers. */
export interface SchemaInfo {
  schemaJson: string;
  schemaId: string;
  rpcId: string;
}

/** An event in Avro, both ways. */
export interface ProducerEvent {
  /** Coming in, what the publisher calls it; going out, its EventUuid. */
  id: string;
  schemaId: string;
  payload: Buffer;
}

/** An event as it is delivered. */
export interface ConsumerEvent {
  event: ProducerEvent;
  /** 8 bytes, the highest first. */
  replayId: Buffer;
}

/** What went wrong with one event or commit. */
export interface EventError {
  code: number;
  msg: string;
}

/** What a client of `Subscribe` sends. */
export interface FetchRequest {
  topicName: string;
  replayPreset: number;
  replayId: Buffer;
  numRequested: number;
  /** A new access token. */
  authRefresh: string;
}

/** What `Subscribe` delivers. */
export interface FetchResponse {
  events: ConsumerEvent[];
  latestReplayId: Buffer;
  rpcId: string;
  pendingNumRequested: number;
}

/** What `Publish` and `PublishStream` are sent. */
export interface PublishRequest {
  topicName: string;
  events: ProducerEvent[];
  authRefresh: string;
}

/** What became of one event: a replay id, or an error. */
export interface PublishResult {
  replayId?: Buffer;
  error?: EventError;
  correlationKey: string;
}

/** What `Publish` and `PublishStream` answer, results in the order of the events. */
export interface PublishResponse {
  results: PublishResult[];
  schemaId: string;
  rpcId: string;
}

/** What a client of `ManagedSubscribe` sends. */
export interface ManagedFetchRequest {
  subscriptionId: string;
  developerName: string;
  numRequested: number;
  authRefresh: string;
  commitReplayIdRequest: { commitRequestId: string; replayId: Buffer } | null;
}

/** What `ManagedSubscribe` delivers. */
export interface ManagedFetchResponse extends FetchResponse {
  commitResponse?: { commitRequestId: string; replayId: Buffer; error?: EventError; processTime: number };
}
