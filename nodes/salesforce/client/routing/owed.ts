import type { Clock } from "../../../common/clock";
import { doneWith, isStillTrue, madeBy, type TokenState, withoutDone } from "./after-flow";
import type { CaseRecords } from "./case-records";
import type { Decision, EndReason, Handled, Interaction, Output } from "./interaction";
import { remember } from "./steps";

/** What {@link OwedOutputs} stands on. */
export interface OwedOptions {
  records: CaseRecords;
  tokenState(token: string): TokenState;
  /** Of a process that is gone, or whose message comes again. */
  isLost(token: string): boolean;
  /** ms until what is owed is put out once more. */
  wait: number;
  clock: Pick<Clock, "now">;
}

/**
 * Outputs that another instance puts out again when this one is killed. What a delivery owes is written down before it is put out, with a time,
 * and written off when the delivery is done with; while it lasts, the time is put off. So nobody who lives looks after what is due, and whoever
 * finds it puts it out – once more, perhaps, if it had just reached its end. Requests, and the disconnect of an open interaction, need none of
 * this: an answer is waited for, and their record has a time of its own.
 */
export class OwedOutputs {
  /** Deliveries of this process, the cases they owe something for, and until when that is written down. */
  private readonly inFlow = new Map<string, { cases: Set<string>; due: number }>();

  constructor(private readonly options: OwedOptions) {}

  /** The record, with what the delivery of this token owes for it; to be followed by {@link follow} when it was written. */
  owe(record: Interaction, token: string): Interaction {
    const due = this.due();
    const owes = (one: Handled): boolean => one.token === token && one.outputs.some((output) => !hasTime(output, record));
    return record.handled.some(owes) ? { ...record, handled: record.handled.map((one) => (owes(one) ? { ...telling(one, record), due } : one)) } : record;
  }

  /**
   * A case has come back before its interaction had ended, so its record's time is that of the next request from now on. Whether the disconnect has
   * reached anybody is looked after by itself.
   */
  apart(before: Interaction | undefined, next: Interaction): Interaction {
    if (before?.state !== "closing" || before.told || before.due === undefined || next.state !== "waiting") return next;
    const { due, ending: reason = "closed", interactionId } = before;
    const made = madeBy(before);
    if (!made) return { ...next, handled: [{ cause: `disconnect ${interactionId ?? ""}`, outputs: [{ kind: "disconnect", reason, ...(interactionId === undefined ? {} : { interactionId }) }], due }, ...next.handled] };
    if (made.token === undefined || this.options.tokenState(made.token) === "over") return next;
    return { ...next, handled: next.handled.map((one) => (one.cause === made.cause ? { ...one, due } : one)) };
  }

  /** An update of the node's own accord comes by no signal that would be given again: it is owed, under a name of its own. */
  own(record: Interaction, outputs: Output[]): { record: Interaction; outputs: Output[] } {
    const [update] = outputs;
    if (update?.kind !== "update" || update.cause !== undefined) return { record, outputs };
    const cause = `update ${this.options.clock.now()}`;
    return { record: { ...record, handled: remember(record.handled, { cause, outputs: [update], due: this.due(), told: record.workgroup }) }, outputs: [{ ...update, cause }] };
  }

  /** Nothing is to be kept of a case any more; unless the disconnect of another interaction is owed: then it is that one's end which is waited for. */
  left(before: Interaction | undefined): Interaction | undefined {
    if (!before) return undefined;
    const isOther = ({ kind, interactionId }: Output): boolean => kind === "disconnect" && (before.state !== "closing" || interactionId !== before.interactionId);
    const owed = before.handled.find(({ due, outputs }) => due !== undefined && outputs.some(isOther));
    const output = owed?.outputs.find(isOther);
    if (!owed || !output) return undefined;
    const { told: _told, over: _over, interactionId: _ended, ...rest } = before;
    const { due, ...made } = owed;
    const handled = before.handled.map((one) => (one !== owed ? one : made.token === undefined ? { ...made, outputs: [] } : made));
    const named = output.interactionId === undefined ? {} : { interactionId: output.interactionId };
    return { ...rest, ...named, ...(due === undefined ? {} : { due }), state: "closing", ending: output.reason as EndReason, handled };
  }

  /** Has {@link tend} look after what deliveries of this process owe for a case. */
  follow(caseId: string, record: Interaction | undefined): void {
    for (const { token, due } of record?.handled ?? []) {
      if (token === undefined || due === undefined || this.options.tokenState(token) !== "open") continue;
      const cases = this.inFlow.get(token)?.cases ?? new Set();
      this.inFlow.set(token, { cases: cases.add(caseId), due: this.due() });
    }
  }

  /** To be called more often than the wait is long: what is done with is owed no more, and what is still in the flow for longer. @throws ConnectorError `STORE_UNAVAILABLE` */
  async tend(): Promise<void> {
    const { records, tokenState, wait, clock } = this.options;
    for (const [token, followed] of this.inFlow) {
      const state = tokenState(token);
      if (state === "open" && followed.due - clock.now() > wait / 2) continue;
      for (const caseId of state === "returning" ? [] : followed.cases) {
        await records.change(caseId, (record) => ({ record: record && (state === "open" ? this.owe(record, token) : this.writtenOff(record, token)), result: undefined }));
      }
      if (state === "open") followed.due = this.due();
      else this.inFlow.delete(token);
    }
  }

  /** Puts out once more what is owed and has nobody who looks after it. */
  again(decision: Decision): Decision {
    const { record } = decision;
    if (!record?.handled.some(({ due }) => due !== undefined)) return decision;
    const outputs: Output[] = [];
    const handled = record.handled.map((one): Handled => {
      const { token, due, told: _before, ...rest } = one;
      if (due === undefined) return one;
      const state = token === undefined ? "unknown" : this.options.tokenState(token);
      if (state === "over") return doneWith(one, record, this.options.clock.now());
      if (state === "open" || (due > this.options.clock.now() && (token === undefined || !this.options.isLost(token)))) return one;
      // a disconnect that is owed was neither told nor answered
      const again = one.outputs.filter((output) => !hasTime(output, record) && (output.kind === "disconnect" || isStillTrue(output, record)));
      if (again.length === 0) return rest;
      outputs.push(...again.map((output) => ({ ...output, cause: one.cause })));
      return { ...telling(rest, record), due: this.due() };
    });
    const isSame = handled.every((one, index) => one === record.handled[index]);
    return isSame ? decision : { ...decision, record: { ...record, handled }, outputs: [...decision.outputs, ...outputs] };
  }

  private writtenOff(record: Interaction, token: string): Interaction {
    return record.handled.some((one) => one.token === token) ? { ...record, handled: withoutDone(record.handled, this.options.tokenState, record, this.options.clock.now()) } : record;
  }

  private due(): number {
    return this.options.clock.now() + this.options.wait;
  }
}

/** With the work group that its update tells, unless it has told one. */
function telling(one: Handled, { workgroup }: Interaction): Handled {
  return one.told === undefined && one.outputs.some(({ kind }) => kind === "update") ? { ...one, told: workgroup } : one;
}

/** When the case is to be looked at: its own time, or that of what is owed for it. */
export function nextTime({ due, handled }: Interaction): number | undefined {
  const times = [due, ...handled.map((one) => one.due)].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whether an answer is waited for: then the record's own time looks after it. */
function hasTime({ kind, interactionId }: Output, record: Interaction): boolean {
  return kind === "create" || (kind === "disconnect" && record.state === "closing" && record.interactionId === interactionId);
}
