import { isStillTrue, madeBy, type TokenState } from "./after-flow";
import { decide } from "./decide";
import type { Decision, Handled, Happening, Interaction, Situation } from "./interaction";
import type { OwedOutputs } from "./owed";

/** What {@link DecidedAgain} needs. */
export interface DecidedAgainOptions {
  owed: OwedOutputs;
  tokenState(token: string): TokenState;
  /** Whether no other instance works on cases. If so, a message that another process had in its flow is lost. */
  isAlone(): boolean;
}

/**
 * Decides, and takes into account what was decided before: outputs of a repeated signal, or of a case whose time has come, may still be in the flow, or may
 * be lost there.
 */
export class DecidedAgain {
  constructor(private readonly options: DecidedAgainOptions) {}

  /** As {@link decide}, and adds owed outputs when the case's time has come. */
  decide(situation: Situation, happening: Happening): Decision {
    return happening.kind === "due" ? this.options.owed.again(this.overdue(situation, happening)) : decide(situation, happening);
  }

  /** A signal comes again. Its outputs are sent again only if the message with them was lost in the flow, and only those that are still true. */
  repeated(record: Interaction, repeat: Handled, token: string | undefined): Decision {
    if (repeat.token === undefined || repeat.token === token || !this.isLost(repeat.token)) return { record, outputs: [] };
    const { token: _lost, due: _owed, told: _before, ...rest } = repeat;
    const handled = record.handled.map((one) => (one === repeat ? { ...rest, ...(token === undefined ? {} : { token }) } : one));
    return { record: { ...record, handled }, outputs: repeat.outputs.filter((output) => isStillTrue(output, record)) };
  }

  /** Whether the messages of a delivery, given by its token, will not reach the end of the flow. */
  isLost(token: string): boolean {
    const state = this.options.tokenState(token);
    return state === "returning" || (state === "unknown" && this.options.isAlone());
  }

  /**
   * As {@link decide}, but an output that is still in the flow is not overdue. One that is sent again is taken from the signal that first led to it, so that
   * a repeat of the signal does not send it, too.
   */
  private overdue(situation: Situation, happening: Happening): Decision {
    const { record, now, rules } = situation;
    if ((record?.state !== "waiting" && record?.state !== "closing") || (record.due ?? now) > now) return decide(situation, happening);
    const first = madeBy(record);
    const state = first?.token === undefined ? undefined : this.options.tokenState(first.token);
    if (state === "open") return { record: { ...record, due: now + rules.answerTimeout }, outputs: [] };
    const isTold = record.state === "closing" && first !== undefined && (state === undefined || state === "over");
    const decision = decide(isTold ? { ...situation, record: { ...record, told: true } } : situation, happening);
    if (!decision.record || decision.outputs.length === 0) return decision;
    return { ...decision, record: { ...decision.record, handled: record.handled.map((one) => (one === first ? { ...one, outputs: [] } : one)) } };
  }
}
