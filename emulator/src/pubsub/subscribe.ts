import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Channel } from "../events/bus-event";
import { Delivery } from "./delivery";
import type { PubSubHub } from "./hub";
import { ReplayPreset, type FetchRequest, type FetchResponse } from "./messages";
import { decodeReplayId } from "./replay-id";
import type { RpcStream } from "./rpc";
import { RpcError } from "./rpc-error";

/** Serves the RPC `Subscribe`. The first request names the channel and where to begin; every request says how many more events to deliver. */
export function subscribe(hub: PubSubHub, call: ServerDuplexStream<FetchRequest, FetchResponse>): void {
  const stream = hub.open("Subscribe", call);
  let delivery: Delivery | undefined;
  stream.serve((request) => {
    stream.authorise(request.authRefresh);
    if (delivery && request.topicName !== "" && request.topicName !== delivery.channel.name) throw RpcError.of("subscription.fetch.topic.mismatch");
    delivery ??= begin(hub, stream, hub.channel(request.topicName), (channel) => startOf(hub, channel, request));
    delivery.request(request.numRequested);
  });
}

/** Begins to deliver the events of a channel to a stream, after the replay id that `start` returns. */
export function begin<Request>(hub: PubSubHub, stream: RpcStream<Request, FetchResponse>, channel: Channel, start: (channel: Channel) => number): Delivery {
  const delivery = new Delivery(hub.org, hub.codec, channel, start(channel), hub.settings, {
    deliver: (events, latestReplayId, pendingNumRequested) => stream.send({ events, latestReplayId, rpcId: stream.id, pendingNumRequested }),
    end: () => stream.end(),
    fail: (error) => stream.fail(error),
  });
  stream.state = () => delivery.state;
  stream.onClose(() => delivery.close());
  return delivery;
}

/** Returns the replay id after which to begin. */
function startOf({ org }: PubSubHub, channel: Channel, { replayPreset, replayId }: Pick<FetchRequest, "replayPreset" | "replayId">): number {
  if (replayPreset === ReplayPreset.EARLIEST) return 0;
  if (replayPreset !== ReplayPreset.CUSTOM) return org.events.latest;
  if (replayId.length === 0) throw RpcError.of("subscription.fetch.replayid.validation.failed");
  const known = decodeReplayId(replayId);
  if (known === undefined || !org.events.knows(channel, known)) throw RpcError.of("subscription.fetch.replayid.corrupted");
  return known;
}
