import type { ConnectorError } from "../../common/errors";
import type { ConsumerState } from "../client/consuming/consumer-options";

/** What a source does, for the status of its node. */
export type QueueSourceState = ConsumerState | { kind: "forwarding"; error: ConnectorError } | { kind: "holding"; reason: string };

/** Why nodes behind a source keep it waiting. `held`: one waits for its system; `behind`: they are too slow. */
export type WaitReason = "held" | "behind";

/** Why a source takes no messages at present: nothing is wired to it, nodes behind it keep it waiting, an input message has asked for the pause, or it closes. */
export type PauseReason = "unwired" | WaitReason | "asked" | "stopped";

/** Works out what a source does: the state of its consumer, unless nodes behind it, or copies that it is to publish, have to wait. */
export class SourceStates {
  private consumer: ConsumerState = { kind: "starting" };
  private forwarding: ConnectorError | undefined;
  private readonly reasons: Partial<Record<WaitReason, string>> = {};
  private search: string | undefined;

  constructor(private readonly onState: (state: QueueSourceState) => void) {}

  /** The consumer's state has changed. */
  consumes(state: ConsumerState): void {
    this.consumer = state;
    this.tell();
  }

  /** Copies have to wait. @param error why; `undefined` when they no longer do */
  forwards(error: ConnectorError | undefined): void {
    this.forwarding = error;
    this.tell();
  }

  /** Nodes behind keep the source waiting. Shown at once, although the consumer is only beginning to pause. */
  waits(why: WaitReason, reason: string): void {
    this.reasons[why] = reason;
    this.onState({ kind: "holding", reason: this.reason ?? reason });
  }

  /** A reason to wait is gone. @param goesOn whether no other is left, so that a paused consumer will soon tell that it consumes */
  waitsNoMore(why: WaitReason, goesOn: boolean): void {
    delete this.reasons[why];
    if (!goesOn || this.consumer.kind !== "paused") this.tell();
  }

  /** Messages wait for the trials of others. @param reason why; `undefined` when none waits any more */
  searches(reason: string | undefined): void {
    this.search = reason;
    this.tell();
  }

  private get reason(): string | undefined {
    return this.reasons.held ?? this.reasons.behind;
  }

  private tell(): void {
    const { consumer, reason, forwarding, search } = this;
    if (consumer.kind === "paused" && reason !== undefined) this.onState({ kind: "holding", reason });
    else if (forwarding && (consumer.kind === "paused" || consumer.kind === "consuming")) this.onState({ kind: "forwarding", error: forwarding });
    else if (search !== undefined && consumer.kind === "consuming") this.onState({ kind: "holding", reason: search });
    else this.onState(consumer);
  }
}
