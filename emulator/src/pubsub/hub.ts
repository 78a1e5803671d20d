import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Channel } from "../events/bus-event";
import type { Org } from "../org";
import type { PubSubSettings } from "../options";
import { EventCodec } from "./event-codec";
import { ManagedSubscriptions } from "./managed-subscriptions";
import { isErrorCode, RpcError, type RpcFailure } from "./rpc-error";
import { RpcStream, type StreamState } from "./rpc";

/** What the next RPCs end with. */
export interface PubSubFault extends RpcFailure {
  /** RPCs it hits; default 1, or none when `open` is true. */
  count?: number;
  /** Only this RPC, for example `Subscribe`. */
  rpc?: string;
  /** `after`: a call is done – what it publishes is published –, and its answer lost; a stream does not begin either way. Default `before`. */
  when?: "before" | "after";
  /** Streams that are open end with it too. Default false. */
  open?: boolean;
}

/** Which streams, and how. */
export interface KillStreams {
  /** Only streams of this RPC; not with `cut`. */
  rpc?: string;
  /** `cut` breaks all connections; `end` ends each stream well. Default `cut`. */
  how?: "cut" | "end";
}

/** A stream, whatever goes over it. */
type OpenStream = Pick<RpcStream<never, never>, "name" | "state" | "fail" | "end" | "silence" | "close">;

/** What an org has of the Pub/Sub API: codec, managed subscriptions, open streams, faults. */
export class PubSubHub {
  readonly settings: PubSubSettings;
  readonly codec: EventCodec;
  readonly managed: ManagedSubscriptions;
  private readonly streams = new Set<OpenStream>();
  private faults: (PubSubFault & { left: number })[] = [];

  /** @param breakConnections breaks those of the server, all of them */
  constructor(
    readonly org: Org,
    private readonly breakConnections: () => void,
  ) {
    this.settings = org.settings.pubsub;
    this.codec = new EventCodec(org);
    this.managed = new ManagedSubscriptions(org);
  }

  /** A channel that is served here. @throws RpcError for PushTopics, generic channels and what there is not */
  channel(name: string): Channel {
    const channel = this.org.events.channel(name);
    if (!channel || (channel.kind !== "event" && channel.kind !== "data")) throw RpcError.of("topic.not.found");
    return channel;
  }

  /** A stream for a call, which can be made to misbehave from now on. */
  open<Request, Response>(name: string, call: ServerDuplexStream<Request, Response>): RpcStream<Request, Response> {
    const stream = new RpcStream(this.org, name, call);
    this.streams.add(stream);
    stream.onClose(() => this.streams.delete(stream));
    return stream;
  }

  /** Counts a call against the faults, those of the whole org first. @returns what is told in place of the answer @throws RpcError for a call that is not done */
  strike(rpc: string): RpcError | undefined {
    const { fail, reset } = this.org.faults.judge({ method: "POST", url: `/eventbus.v1.PubSub/${rpc}`, kind: "streaming" });
    if (fail) throw RpcError.of("service.unavailable");
    if (reset) return struck({ when: reset === "before" ? "before" : "after" });
    const index = this.faults.findIndex((fault) => fault.rpc === undefined || fault.rpc === rpc);
    const fault = this.faults[index];
    if (!fault) return undefined;
    if (--fault.left <= 0) this.faults.splice(index, 1);
    return struck(fault);
  }

  /** @throws Error when the fault makes no sense */
  fault(fault: PubSubFault): void {
    const { open = false, count = open ? 0 : 1, code, status, rpc, when = "before" } = fault;
    if (when !== "before" && when !== "after") throw new Error("when must be before or after");
    if (code !== undefined && status === undefined && !isErrorCode(code)) throw new Error(`the Pub/Sub API has no error code ${code}; give a status to make one up`);
    if (count > 0) this.faults.push({ ...fault, left: count });
    if (open) for (const stream of this.chosen(rpc)) stream.fail(new RpcError(fault));
  }

  killStreams({ rpc, how = "cut" }: KillStreams): { killed: number } {
    const chosen = this.chosen(how === "cut" ? undefined : rpc);
    if (how === "cut") this.cut();
    else for (const stream of chosen) stream.end();
    return { killed: chosen.length };
  }

  /** Streams that are open say nothing any more. */
  silence(): { silenced: number } {
    for (const stream of this.streams) stream.silence();
    return { silenced: this.streams.size };
  }

  /** The streams that have begun. */
  list(): StreamState[] {
    return [...this.streams].flatMap((stream) => {
      const state = stream.state();
      return state ? [{ rpc: stream.name, ...state }] : [];
    });
  }

  /** Ends all streams at once, with the connections they run over. */
  cut(): void {
    for (const stream of this.streams) stream.close();
    this.breakConnections();
  }

  clearFaults(): void {
    this.faults = [];
  }

  /** Back to the start: no streams, no managed subscriptions, no faults. */
  clear(): void {
    this.clearFaults();
    this.managed.clear();
    this.cut();
  }

  private chosen(rpc: string | undefined): OpenStream[] {
    return [...this.streams].filter((stream) => rpc === undefined || stream.name === rpc);
  }
}

function struck(fault: Pick<PubSubFault, "when"> & RpcFailure): RpcError {
  const error = new RpcError(fault);
  if (fault.when !== "after") throw error;
  return error;
}
