import { waitForAnswer } from "./decide";
import type { Handled, Interaction, Output, RoutingRules } from "./interaction";
import type { Outgoing } from "./outgoing";

/** How it stands with a delivery by its token: in the flow; given back, so that its message comes again; done with; or of another process, which may be gone. */
export type TokenState = "open" | "returning" | "over" | "unknown";

/** How it ended with a message of the node's own: at the end of the flow, or when the node was stopped. */
export type Ending = "taken" | "given back";

/** What is kept of a case after a message of the node's own about it has left the flow, or has not: then it is put out again as soon as somebody looks. */
export function afterFlow(record: Interaction | undefined, { payload, cause }: Outgoing, ending: Ending, rules: RoutingRules, now: number): Interaction | undefined {
  if (!record) return record;
  const { action, request, interactionId } = payload;
  const isTaken = ending === "taken";
  if (cause !== undefined) return { ...record, handled: record.handled.map((one) => (one.cause !== cause || one.due === undefined ? one : isTaken ? doneWith(one, record, now) : { ...one, due: now })) };
  switch (action) {
    case "create":
      if (record.state !== "waiting" || record.request !== request) return record;
      return { ...record, due: isTaken ? now + waitForAnswer(rules, record.attempt) : now };
    case "disconnect":
      if (record.state !== "closing" || record.interactionId !== interactionId) return isTaken ? withoutDisconnect(record, interactionId) : record;
      return isTaken ? { ...record, told: true } : { ...record, due: now };
    case "update":
      return record; // its signal is given again
  }
}

/** Whether what a signal has led to is still to be said. */
export function isStillTrue({ kind, request, interactionId }: Output, record: Interaction): boolean {
  switch (kind) {
    case "create":
      return record.state === "waiting" && record.request === request && record.ending === undefined;
    case "update":
      return record.state === "waiting" || record.state === "open";
    case "disconnect":
      return record.state !== "idle" || record.interactionId !== interactionId;
  }
}

/** What a request, or the disconnect of the open interaction, was made by; undefined: by the node itself. */
export function madeBy(record: Interaction): Handled | undefined {
  const { state, request, interactionId } = record;
  const isIt = (output: Output): boolean => (state === "closing" ? output.kind === "disconnect" && output.interactionId === interactionId : output.request === request);
  return record.handled.find(({ outputs }) => outputs.some(isIt));
}

/** Those whose delivery is done with have led to what they should, whatever becomes of this process. @param record how it stood with the case until now */
export function withoutDone(handled: readonly Handled[], stateOf: (token: string) => TokenState, record: Interaction, now: number): Handled[] {
  return handled.map((one) => (one.token === undefined || stateOf(one.token) !== "over" ? one : doneWith(one, record, now)));
}

/**
 * Its outputs have left the flow: nobody owes them. But an update that told another work group than the case has by then may have overtaken the
 * one that told of that, of another instance: it is owed once more.
 */
export function doneWith(one: Handled, record: Interaction, now: number): Handled {
  const { told } = one;
  if (told === undefined || told === record.workgroup) return withoutMarks(one);
  const outputs = one.outputs.map((output) => (output.kind === "update" ? { ...output, previousWorkgroup: told } : output));
  return { ...withoutMarks(one), outputs, due: now };
}

/** The interaction has ended, or its disconnect has left the flow: nobody owes one. */
export function withoutDisconnect(record: Interaction, interactionId: string | undefined): Interaction {
  const isIt = ({ due, outputs }: Handled): boolean => due !== undefined && outputs.length > 0 && outputs.every((output) => output.kind === "disconnect" && output.interactionId === interactionId);
  return record.handled.some(isIt) ? { ...record, handled: record.handled.map((one) => (isIt(one) ? withoutMarks(one) : one)) } : record;
}

function withoutMarks({ token: _done, due: _none, told: _known, ...rest }: Handled): Handled {
  return rest;
}
