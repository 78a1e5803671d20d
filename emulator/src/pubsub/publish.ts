import { randomUUID } from "node:crypto";
import { status, type ServerDuplexStream } from "@grpc/grpc-js";
import { ApiError } from "../api-error";
import type { Session } from "../oauth/sessions";
import { readRecord } from "../records/reader";
import type { ObjectSchema } from "../schema/schema";
import type { PubSubHub } from "./hub";
import { ErrorCode, type ProducerEvent, type PublishRequest, type PublishResponse, type PublishResult } from "./messages";
import { encodeReplayId } from "./replay-id";
import { RpcError } from "./rpc-error";

/** Most events in a request. */
const MAX_EVENTS = 200;

/** Most bytes of a request. The proxy before the org resets the stream of a larger one. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** Answers the RPC `Publish`. */
export function publish(hub: PubSubHub, request: PublishRequest, session: Session): PublishResponse {
  return publishAll(hub, eventOf(hub, request.topicName), request.events, session, randomUUID());
}

/** Serves the RPC `PublishStream`. The first request names the topic, and each request has its own answer. */
export function publishStream(hub: PubSubHub, call: ServerDuplexStream<PublishRequest, PublishResponse>): void {
  const stream = hub.open("PublishStream", call);
  let topic = "";
  let idle: NodeJS.Timeout | undefined;
  stream.onClose(() => clearTimeout(idle));
  stream.serve((request) => {
    const session = stream.authorise(request.authRefresh);
    if (topic !== "" && request.topicName !== "" && request.topicName !== topic) throw RpcError.of("publish.topic.mismatch");
    topic ||= request.topicName;
    stream.send(publishAll(hub, eventOf(hub, topic), request.events, session, stream.id));
    clearTimeout(idle);
    idle = setTimeout(() => stream.fail(RpcError.of("publish.stream.sweeper.timeout")), hub.settings.publishTimeout);
  });
}

/** Returns the platform event of a topic. @throws RpcError for a topic to which nobody can publish */
function eventOf(hub: PubSubHub, topicName: string): ObjectSchema {
  const channel = hub.channel(topicName);
  const object = hub.org.schema.object(channel.name.slice("/event/".length));
  if (channel.kind !== "event" || !object?.platformEvent) throw RpcError.of("publish.topic.cannot.publish");
  return object;
}

/** Publishes each event separately. An error of one is in its own result. */
function publishAll(hub: PubSubHub, object: ObjectSchema, events: readonly ProducerEvent[], session: Session, rpcId: string): PublishResponse {
  if (events.length === 0 || events.length > MAX_EVENTS) throw RpcError.of("publish.event.count.invalid");
  if (events.reduce((sum, event) => sum + event.payload.length, 0) > MAX_REQUEST_BYTES) {
    throw new RpcError({ status: status.UNAVAILABLE, message: "upstream connect error or disconnect/reset before headers. reset reason: remote reset" });
  }
  const results = events.map((event): PublishResult => {
    try {
      return { replayId: encodeReplayId(publishOne(hub, object, event, session)), correlationKey: event.id };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { error: { code: ErrorCode.PUBLISH, msg: error.message }, correlationKey: event.id };
    }
  });
  return { results, schemaId: hub.codec.of(object).id, rpcId };
}

/** Publishes an event as the REST API does, with all checks. @returns its replay id */
function publishOne({ org, codec }: PubSubHub, object: ObjectSchema, event: ProducerEvent, { userId }: Session): number {
  if (event.schemaId !== codec.of(object).id) throw new ApiError("INVALID_INPUT", `The schema id ${event.schemaId} is not the one of ${object.name}`);
  let record: Record<string, unknown>;
  try {
    record = codec.decode(object, event.payload);
  } catch {
    throw new ApiError("INVALID_INPUT", "The payload does not fit the schema");
  }
  org.writer({ userId, ...(event.id === "" ? {} : { eventUuid: event.id }) }).create(object, readRecord(org.schema, object, record));
  return org.events.latest;
}
