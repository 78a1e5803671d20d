import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Channel } from "../events/bus-event";
import type { Org } from "../org";
import type { PubSubSettings } from "../options";
import { EventCodec } from "./event-codec";
import { ManagedSubscriptions } from "./managed-subscriptions";
import { isErrorCode, RpcError, type RpcFailure } from "./rpc-error";
import { RpcStream, type StreamState } from "./rpc";

/** The failure with which the next RPCs end. */
export interface PubSubFault extends RpcFailure {
  /** How many RPCs it hits. Default 1, or 0 when `open` is true. */
  count?: number;
  /** Only this RPC, for example `Subscribe`. */
  rpc?: string;
  /** `after`: the call is carried out, so that its events are published, but its answer is lost. A stream does not begin either way. Default `before`. */
  when?: "before" | "after";
  /** Whether open streams end with it as well. Default false. */
  open?: boolean;
}

/** Which streams end, and how. */
export interface KillStreams {
  /** Only streams of this RPC. Ignored with `cut`. */
  rpc?: string;
  /** `cut` breaks all connections. `end` ends each stream in an orderly way. Default `cut`. */
  how?: "cut" | "end";
}

/** A stream of any RPC. */
type OpenStream = Pick<RpcStream<never, never>, "name" | "state" | "fail" | "end" | "silence" | "close">;

/** The Pub/Sub API of an org: its codec, managed subscriptions, open streams and faults. */
export class PubSubHub {
  readonly settings: PubSubSettings;
  readonly codec: EventCodec;
  readonly managed: ManagedSubscriptions;
  private readonly streams = new Set<OpenStream>();
  private faults: (PubSubFault & { left: number })[] = [];

  /** @param breakConnections breaks all connections of the server */
  constructor(
    readonly org: Org,
    private readonly breakConnections: () => void,
  ) {
    this.settings = org.settings.pubsub;
    this.codec = new EventCodec(org);
    this.managed = new ManagedSubscriptions(org);
  }

  /** Returns a channel that the Pub/Sub API serves. @throws RpcError for PushTopics, generic channels and channels that do not exist */
  channel(name: string): Channel {
    const channel = this.org.events.channel(name);
    if (!channel || (channel.kind !== "event" && channel.kind !== "data")) throw RpcError.of("topic.not.found");
    return channel;
  }

  /** Opens the stream of a call. From now on, faults can hit it. */
  open<Request, Response>(name: string, call: ServerDuplexStream<Request, Response>): RpcStream<Request, Response> {
    const stream = new RpcStream(this.org, name, call);
    this.streams.add(stream);
    stream.onClose(() => this.streams.delete(stream));
    return stream;
  }

  /**
   * Counts a call against the faults, first against those of the whole org.
   *
   * @returns the error to send instead of the answer
   * @throws RpcError for a call that must not be carried out
   */
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

  /** Switches a fault on. @throws Error when it is not valid */
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

  /** Makes open streams silent. */
  silence(): { silenced: number } {
    for (const stream of this.streams) stream.silence();
    return { silenced: this.streams.size };
  }

  /** Returns the streams that have begun. */
  list(): StreamState[] {
    return [...this.streams].flatMap((stream) => {
      const state = stream.state();
      return state ? [{ rpc: stream.name, ...state }] : [];
    });
  }

  /** Ends all streams at once, together with their connections. */
  cut(): void {
    for (const stream of this.streams) stream.close();
    this.breakConnections();
  }

  clearFaults(): void {
    this.faults = [];
  }

  /** Sets everything back to the start: no streams, no managed subscriptions, no faults. */
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
