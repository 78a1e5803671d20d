import { type ConnectorError, needsAHand } from "../../common/errors";
import { TroubleLog } from "../../common/trouble-log";
import { Sink, type SinkOptions, type SinkState } from "../../delivery/sink/sink";
import { failureOf } from "./failure";
import type { OrgClient, OrgState } from "./org";
import { isRefusedThere } from "./sign-in/refused-session";

/** What a node does at present, and the state of its org; for the node's status. */
export interface LaneState {
  kind: OrgState["kind"] | "working";
  /** How many messages it has. */
  messages: number;
  /** Why, when waiting or failed. */
  error?: ConnectorError;
  /** As {@link OrgState.usedPercent}. */
  usedPercent?: number;
  /** As {@link OrgState.slowedAt}. */
  slowedAt?: number;
}

/** All kinds, the most important first. */
const ORDER: LaneState["kind"][] = ["failed", "waiting", "working", "connecting", "connected", "idle"];

/**
 * Codes of errors that are the trouble of one node, not of the org: somebody has to make the object, correct the form or install the package. A refused login
 * is not among them: the org's node shows and logs it, and a node that waits for it must not log it as well.
 */
const OWN_TROUBLE: ReadonlySet<string> = new Set(["ORG_OBJECT_UNKNOWN", "NOT_CONFIGURED", "DRIVER_MISSING"]);

/** Whether an error is the node's own trouble. A path that refuses the session, a full disk and a file that cannot be read are, too; not a database of the store, which has a node of its own. */
function isOwn(error: ConnectorError | undefined): boolean {
  return error !== undefined && (OWN_TROUBLE.has(error.code) || isRefusedThere(error) || (error.code === "STORE_UNAVAILABLE" && needsAHand(error)));
}

/**
 * How many writes run at once while the org's calls are spaced: one waits for its call's turn while another is answered. More would only wait, and could not
 * share their calls with messages that come meanwhile.
 */
const WHILE_SLOWED = 2;

/** Settings of an {@link OrgLane}: those of a sink, except what the org decides. */
export interface OrgLaneOptions<V, R> extends Omit<SinkOptions<V, R>, "untilReady" | "onState" | "concurrency"> {
  org: OrgClient;
  /** How many writes may run at once; at most {@link WHILE_SLOWED} while the org's calls are spaced. Default 1. */
  concurrency?: number;
  /** Told when the state has changed; called often. */
  onState: (state: LaneState) => void;
}

/** A sink for one org. Makes the org sign in, keeps messages while the org is away, and tells the state of both. */
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

  /**
   * Logs an error that is not the org's fault, as the org's node does not log it, and a status shows only its beginning. Such is also that the Pub/Sub API,
   * which has a host of its own, is away.
   */
  private tellTrouble(): void {
    const { kind, error } = this.own;
    const isOurs = isOwn(error) || error?.details.grpcStatus !== undefined;
    this.troubles.told(kind === "waiting" && isOurs ? error : undefined);
  }

  /** Takes a message; as {@link Sink.take}. When the message fails, sets `msg.salesforce` to the reason before `done` is called. */
  take(msg: object, value: V | Promise<V>, done: (error?: Error) => void, stored: (result: R) => void): void {
    const settled = (error?: Error): void => {
      const failure = error && failureOf(error);
      if (failure) Reflect.set(msg, "salesforce", failure); // a frozen message goes without
      done(error);
    };
    this.sink.take(msg, value, settled, stored);
  }

  /** Nothing else will come soon: writes without waiting for more; as {@link Sink.go}. */
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
