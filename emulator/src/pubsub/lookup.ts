import { randomUUID } from "node:crypto";
import type { PubSubHub } from "./hub";
import type { SchemaInfo, SchemaRequest, TopicInfo, TopicRequest } from "./messages";
import { RpcError } from "./rpc-error";

/** Answers the RPC `GetTopic`. */
export function getTopic(hub: PubSubHub, { topicName }: TopicRequest): TopicInfo {
  const channel = hub.channel(topicName);
  const schema = hub.codec.ofChannel(channel.name);
  const canPublish = channel.kind === "event" && schema !== undefined;
  return { topicName, tenantGuid: hub.org.id, canPublish, canSubscribe: true, schemaId: schema?.id ?? "", rpcId: randomUUID() };
}

/** Answers the RPC `GetSchema`. */
export function getSchema(hub: PubSubHub, { schemaId }: SchemaRequest): SchemaInfo {
  const schema = hub.codec.byId(schemaId);
  if (!schema) throw RpcError.of("schema.not.found");
  return { schemaJson: schema.json, schemaId, rpcId: randomUUID() };
}
