import type { ConnectorError } from "../../common/errors";
import type { ConsumerState } from "../client/consumer-options";

/** What a source does, for its node's status. */
export type QueueSourceState = ConsumerState | { kind: "forwarding"; error: ConnectorError } | { kind: "holding"; reason: string };

/** Why nodes behind a source keep it waiting: one waits for its system, or is too slow. */
export type WaitReason = "held" | "behind";

/** Why a source does not take messages at present: nothing is wired to it, nodes behind it keep it waiting, a message has asked for it, or it closes. */
export type PauseReason = "unwired" | WaitReason | "asked" | "stopped";

/** Tells what a source does: what its consumer says, unless nodes behind it or its own copies have to wait. */
export class SourceStates {
  private consumer: ConsumerState = { kind: "starting" };
  private forwarding: ConnectorError | undefined;
  private readonly reasons: Partial<Record<WaitReason, string>> = {};

  constructor(private readonly onState: (state: QueueSourceState) => void) {}

  /** What the consumer says. */
  consumes(state: ConsumerState): void {
    this.consumer = state;
    this.tell();
  }

  /** @param error why copies wait; `undefined` when they do no more */
  forwards(error: ConnectorError | undefined): void {
    this.forwarding = error;
    this.tell();
  }

  /** Told at once, though the consumer only begins to pause. */
  waits(why: WaitReason, reason: string): void {
    this.reasons[why] = reason;
    this.onState({ kind: "holding", reason: this.reason ?? reason });
  }

  /** This reason has gone. @param goesOn whether no other keeps the source from taking messages: a consumer that has paused says so itself, in a moment */
  waitsNoMore(why: WaitReason, goesOn: boolean): void {
    delete this.reasons[why];
    if (!goesOn || this.consumer.kind !== "paused") this.tell();
  }

  private get reason(): string | undefined {
    return this.reasons.held ?? this.reasons.behind;
  }

  private tell(): void {
    const { consumer, reason, forwarding } = this;
    if (consumer.kind === "paused" && reason !== undefined) this.onState({ kind: "holding", reason });
    else if (forwarding && (consumer.kind === "paused" || consumer.kind === "consuming")) this.onState({ kind: "forwarding", error: forwarding });
    else this.onState(consumer);
  }
}
