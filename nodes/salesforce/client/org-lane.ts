import { type ConnectorError, needsAHand } from "../../common/errors";
import { TroubleLog } from "../../common/trouble-log";
import { Sink, type SinkOptions, type SinkState } from "../../delivery/sink";
import { failureOf } from "./failure";
import type { OrgClient, OrgState } from "./org";

/** What a node does with its org, for its status. */
export interface LaneState {
  kind: OrgState["kind"] | "working";
  /** Messages it has. */
  messages: number;
  /** Why, when waiting or failed. */
  error?: ConnectorError;
  /** As {@link OrgState.usedPercent}. */
  usedPercent?: number;
  /** As {@link OrgState.slowedAt}. */
  slowedAt?: number;
}

/** From the most to the least telling. */
const ORDER: LaneState["kind"][] = ["failed", "waiting", "working", "connecting", "connected", "idle"];

/**
 * What is not the org's trouble but one node's, until somebody makes the object, corrects the form or installs the package. Not all that needs a hand: that a login is
 * refused the org's node shows and logs, and a sink that waits for it must not say so once more when it is mended.
 */
const OWN_TROUBLE: ReadonlySet<string> = new Set(["ORG_OBJECT_UNKNOWN", "NOT_CONFIGURED", "DRIVER_MISSING"]);

/** Besides, a full disk, or a file that nobody can read; but not a database of the store's, which has a node of its own. */
function isOwn(error: ConnectorError | undefined): boolean {
  return error !== undefined && (OWN_TROUBLE.has(error.code) || (error.code === "STORE_UNAVAILABLE" && needsAHand(error)));
}

/** One waits for its call's turn while another's is answered. More would wait with their clocks running, and what comes meanwhile could not share their calls. */
const WHILE_SLOWED = 2;

/** Settings of an {@link OrgLane}; as a sink's, but for what the org knows. */
export interface OrgLaneOptions<V, R> extends Omit<SinkOptions<V, R>, "untilReady" | "onState" | "concurrency"> {
  org: OrgClient;
  /** Most writes at once. Default 1; no more than {@link WHILE_SLOWED} while the org's calls are spaced. */
  concurrency?: number;
  /** The state changed; called often. */
  onState: (state: LaneState) => void;
}

/** A sink for one org: has it sign in when it is made, holds what it has while the org is away, and says how it stands. */
export class OrgLane<V, R> {
  private readonly sink: Sink<V, R>;
  private readonly org: OrgClient;
  private readonly stopListening: () => void;
  private own: SinkState = { kind: "idle", messages: 0 };
  private readonly troubles: TroubleLog;

  constructor({ org, onState, concurrency = 1, ...options }: OrgLaneOptions<V, R>) {
    const { warn } = options;
    this.org = org;
    this.troubles = new TroubleLog({ warn, error: warn }); // its nodes bring no other
    this.sink = new Sink<V, R>({
      ...options,
      concurrency: () => (org.state.slowedAt === undefined ? concurrency : Math.min(concurrency, WHILE_SLOWED)),
      untilReady: (error) => org.untilReady(error),
      onState: (state) => {
        this.own = state;
        this.tellTrouble();
        onState(this.state);
      },
    });
    this.stopListening = org.onState(() => onState(this.state));
    org.acquire(this);
  }

  get state(): LaneState {
    const { kind, messages, error } = this.own;
    const { usedPercent, slowedAt } = this.org.state;
    if (this.org.state.error) return { kind: this.org.state.kind, messages, error: this.org.state.error };
    if (kind === "waiting") return { kind: isOwn(error) ? "failed" : kind, messages, ...(error ? { error } : {}) };
    return { kind: kind === "writing" ? "working" : this.org.state.kind, messages, ...(usedPercent === undefined ? {} : { usedPercent }), ...(slowedAt === undefined ? {} : { slowedAt }) };
  }

  /** What the org is not at fault for its node does not log, and a status shows but its beginning: also that the Pub/Sub API, a host of its own, is away. */
  private tellTrouble(): void {
    const { kind, error } = this.own;
    const isOurs = isOwn(error) || error?.details.grpcStatus !== undefined;
    this.troubles.told(kind === "waiting" && isOurs ? error : undefined);
  }

  /** Takes a message in; as {@link Sink.take}. When it fails, `msg.salesforce` says why before `done` is called. */
  take(msg: object, value: V | Promise<V>, done: (error?: Error) => void, stored: (result: R) => void): void {
    const settled = (error?: Error): void => {
      const failure = error && failureOf(error);
      if (failure) Reflect.set(msg, "salesforce", failure); // a frozen message goes without
      done(error);
    };
    this.sink.take(msg, value, settled, stored);
  }

  /** Nothing else will come soon; as {@link Sink.go}. */
  go(): void {
    this.sink.go();
  }

  /** Stores what it has, for at most 8 s, gives the rest back, and leaves the org. */
  async close(): Promise<void> {
    await this.sink.close();
    this.stopListening();
    this.org.release(this);
  }
}

/** The state of several lanes as one: the most telling, with all their messages, and the API calls of the org that has used most. */
export function worstState(states: LaneState[]): LaneState {
  const [worst] = [...states].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const used = states.flatMap(({ usedPercent }) => usedPercent ?? []);
  const messages = states.reduce((sum, one) => sum + one.messages, 0);
  return { ...(worst ?? { kind: "idle" }), messages, ...(used.length > 0 ? { usedPercent: Math.max(...used) } : {}) };
}
