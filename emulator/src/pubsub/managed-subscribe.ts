import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Channel } from "../events/bus-event";
import { parseId } from "../ids";
import type { Delivery } from "./delivery";
import type { PubSubHub } from "./hub";
import type { ManagedSubscription } from "./managed-subscriptions";
import { ErrorCode, type ManagedFetchRequest, type ManagedFetchResponse } from "./messages";
import { decodeReplayId } from "./replay-id";
import { RpcError } from "./rpc-error";
import { begin } from "./subscribe";

type Commit = NonNullable<ManagedFetchRequest["commitReplayIdRequest"]>;

/** Serves the RPC `ManagedSubscribe`. The org remembers the replay id that the client has committed, and goes on after it. */
export function managedSubscribe(hub: PubSubHub, call: ServerDuplexStream<ManagedFetchRequest, ManagedFetchResponse>): void {
  const stream = hub.open("ManagedSubscribe", call);
  let begun: { managed: ManagedSubscription; delivery: Delivery } | undefined;
  stream.serve((request) => {
    stream.authorise(request.authRefresh);
    if (begun && isOther(begun.managed, request)) throw RpcError.of("managed.subscription.mismatch");
    if (!begun) {
      const managed = find(hub, request);
      const delivery = begin(hub, stream, hub.channel(managed.topicName), (channel) => startOf(hub, channel, managed));
      managed.stop = () => stream.fail(RpcError.of("managed.subscription.config.stopped"));
      stream.onClose(() => delete managed.stop);
      begun = { managed, delivery };
    }
    const { managed, delivery } = begun;
    const commit = request.commitReplayIdRequest;
    if (commit) {
      const commitResponse = commitOf(hub, delivery.channel, managed, commit);
      stream.send({ events: [], latestReplayId: delivery.replayId, rpcId: stream.id, pendingNumRequested: delivery.state.pending, commitResponse });
    }
    // A request that only commits requests no events.
    if (!commit || request.numRequested !== 0) delivery.request(request.numRequested);
  });
}

function isOther({ id, developerName }: ManagedSubscription, request: ManagedFetchRequest): boolean {
  const { subscriptionId } = request;
  return (subscriptionId !== "" && parseId(subscriptionId) !== id) || (request.developerName !== "" && request.developerName !== developerName);
}

function find(hub: PubSubHub, { subscriptionId, developerName }: ManagedFetchRequest): ManagedSubscription {
  const managed = hub.managed.find(subscriptionId || developerName);
  if (!managed) throw RpcError.of(`managed.subscription.${subscriptionId === "" ? "developer.name" : "id"}.not.found`);
  if (managed.state === "STOP") throw RpcError.of("managed.subscription.config.stopped");
  if (managed.stop) throw RpcError.of("managed.subscription.already.active");
  return managed;
}

function startOf({ org }: PubSubHub, channel: Channel, { committed, defaultReplay, errorRecoveryReplay }: ManagedSubscription): number {
  if (committed !== undefined && org.events.knows(channel, committed)) return committed;
  const preset = committed === undefined ? defaultReplay : errorRecoveryReplay;
  return preset === "EARLIEST" ? 0 : org.events.latest;
}

/** Stores the replay id that the client commits. One that the org does not know is refused, but the stream goes on. */
function commitOf({ org }: PubSubHub, channel: Channel, managed: ManagedSubscription, { commitRequestId, replayId }: Commit): ManagedFetchResponse["commitResponse"] {
  const answer = { commitRequestId, replayId, processTime: org.now() };
  const known = decodeReplayId(replayId);
  if (known === undefined || !org.events.knows(channel, known)) return { ...answer, error: { code: ErrorCode.COMMIT, msg: "The Replay ID is invalid" } };
  managed.committed = known;
  return answer;
}
