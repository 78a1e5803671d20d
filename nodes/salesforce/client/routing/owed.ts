import type { Clock } from "../../../common/clock";
import { doneWith, isStillTrue, madeBy, type TokenState, withoutDone } from "./after-flow";
import type { CaseRecords } from "./case-records";
import type { Decision, EndReason, Handled, Interaction, Output } from "./interaction";
import { remember } from "./steps";

/** What {@link OwedOutputs} needs. */
export interface OwedOptions {
  records: CaseRecords;
  tokenState(token: string): TokenState;
  /** Whether the messages of a delivery will not reach the end of the flow, as its process has ended or its message comes again. */
  isLost(token: string): boolean;
  /** ms after which an owed output is sent again. */
  wait: number;
  clock: Pick<Clock, "now">;
}

/**
 * Outputs that another instance sends again if this one is killed. What a delivery owes is stored before it is sent, with a time at which it is due, and is
 * removed when the delivery is over. Until then the time is put off again and again, so an output that is due belongs to an instance that does not live any
 * more, and whoever finds it sends it (a second time, perhaps, if it had just reached the end of the flow). Requests, and the disconnect of an open
 * interaction, do not need this: an answer to them is awaited, for which their record has a time of its own.
 */
export class OwedOutputs {
  /** By token of a delivery of this process: the cases it owes outputs for, and the time at which those are due, as stored. */
  private readonly inFlow = new Map<string, { cases: Set<string>; due: number }>();

  constructor(private readonly options: OwedOptions) {}

  /** Marks in a record what the delivery with this token owes. To be followed by {@link follow} when the record was written. */
  owe(record: Interaction, token: string): Interaction {
    const due = this.due();
    const owes = (one: Handled): boolean => one.token === token && one.outputs.some((output) => !hasTime(output, record));
    return record.handled.some(owes) ? { ...record, handled: record.handled.map((one) => (owes(one) ? { ...telling(one, record), due } : one)) } : record;
  }

  /**
   * A case has come back before its interaction has ended, so the record's time is now that of the next request. The disconnect of the earlier interaction
   * is therefore owed, with a time of its own.
   */
  apart(before: Interaction | undefined, next: Interaction): Interaction {
    if (before?.state !== "closing" || before.told || before.due === undefined || next.state !== "waiting") return next;
    const { due, ending: reason = "closed", interactionId } = before;
    const made = madeBy(before);
    if (!made) return { ...next, handled: [{ cause: `disconnect ${interactionId ?? ""}`, outputs: [{ kind: "disconnect", reason, ...(interactionId === undefined ? {} : { interactionId }) }], due }, ...next.handled] };
    if (made.token === undefined || this.options.tokenState(made.token) === "over") return next;
    return { ...next, handled: next.handled.map((one) => (one.cause === made.cause ? { ...one, due } : one)) };
  }

  /** Marks an update that the node sends of its own accord as owed, under a cause of its own, as no signal for it would come again. */
  own(record: Interaction, outputs: Output[]): { record: Interaction; outputs: Output[] } {
    const [update] = outputs;
    if (update?.kind !== "update" || update.cause !== undefined) return { record, outputs };
    const cause = `update ${this.options.clock.now()}`;
    return { record: { ...record, handled: remember(record.handled, { cause, outputs: [update], due: this.due(), told: record.workgroup }) }, outputs: [{ ...update, cause }] };
  }

  /** What is kept of a case that is done: nothing, unless the disconnect of another interaction is owed. The end of that one is then awaited. */
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

  /** Notes what deliveries of this process owe for a case, so that {@link tend} takes care of it. */
  follow(caseId: string, record: Interaction | undefined): void {
    for (const { token, due } of record?.handled ?? []) {
      if (token === undefined || due === undefined || this.options.tokenState(token) !== "open") continue;
      const cases = this.inFlow.get(token)?.cases ?? new Set();
      this.inFlow.set(token, { cases: cases.add(caseId), due: this.due() });
    }
  }

  /**
   * Removes what deliveries that are over owed, and puts off what those in the flow owe. To be called more often than every `wait` ms.
   *
   * @throws ConnectorError `STORE_UNAVAILABLE`
   */
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

  /** Adds to a decision the owed outputs that no living instance takes care of. */
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
      // a disconnect that is owed has neither reached the end of the flow nor been answered, so it is always sent again
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

/** Notes the work group that the signal's update tells, unless one is noted. */
function telling(one: Handled, { workgroup }: Interaction): Handled {
  return one.told === undefined && one.outputs.some(({ kind }) => kind === "update") ? { ...one, told: workgroup } : one;
}

/** When a case is to be looked at next, in ms since the epoch: the earliest of its own time and those of owed outputs. */
export function nextTime({ due, handled }: Interaction): number | undefined {
  const times = [due, ...handled.map((one) => one.due)].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Whether an answer to this output is awaited, so that the record's own time covers it. */
function hasTime({ kind, interactionId }: Output, record: Interaction): boolean {
  return kind === "create" || (kind === "disconnect" && record.state === "closing" && record.interactionId === interactionId);
}
