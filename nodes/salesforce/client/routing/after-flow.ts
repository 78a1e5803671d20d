import { waitForAnswer } from "./decide";
import type { Handled, Interaction, Output, RoutingRules } from "./interaction";
import type { Outgoing } from "./outgoing";

/**
 * State of a delivery, found by its token. `open`: in the flow; `returning`: given back, so that its message comes again; `over`: settled; `unknown`: of
 * another process, which may have ended.
 */
export type TokenState = "open" | "returning" | "over" | "unknown";

/** How a message that the node sent of its own accord ended. `taken`: at the end of the flow; `given back`: not there, since the node was stopped, say. */
export type Ending = "taken" | "given back";

/** What is kept of a case after a message about it that the node sent of its own accord has ended. If it was given back, it is sent again at the next look. */
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
      return record; // the signal that it belongs to comes again
  }
}

/** Whether an output that was decided on earlier still fits the state of the case. */
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

/** The signal that led to the present request, or, in state `closing`, to the disconnect of the interaction; `undefined` if the node made it of its own accord. */
export function madeBy(record: Interaction): Handled | undefined {
  const { state, request, interactionId } = record;
  const isIt = (output: Output): boolean => (state === "closing" ? output.kind === "disconnect" && output.interactionId === interactionId : output.request === request);
  return record.handled.find(({ outputs }) => outputs.some(isIt));
}

/** The handled signals, without marks where the delivery is over, so that their outputs are not sent again. @param record what was kept of the case until now */
export function withoutDone(handled: readonly Handled[], stateOf: (token: string) => TokenState, record: Interaction, now: number): Handled[] {
  return handled.map((one) => (one.token === undefined || stateOf(one.token) !== "over" ? one : doneWith(one, record, now)));
}

/**
 * The outputs of a signal have left the flow, so they are no longer owed. Exception: an update that told another work group than the case has by now. It may
 * have overtaken another instance's update about the present work group, so it is owed once more.
 */
export function doneWith(one: Handled, record: Interaction, now: number): Handled {
  const { told } = one;
  if (told === undefined || told === record.workgroup) return withoutMarks(one);
  const outputs = one.outputs.map((output) => (output.kind === "update" ? { ...output, previousWorkgroup: told } : output));
  return { ...withoutMarks(one), outputs, due: now };
}

/** The interaction has ended, or its disconnect has left the flow: the disconnect is no longer owed. */
export function withoutDisconnect(record: Interaction, interactionId: string | undefined): Interaction {
  const isIt = ({ due, outputs }: Handled): boolean => due !== undefined && outputs.length > 0 && outputs.every((output) => output.kind === "disconnect" && output.interactionId === interactionId);
  return record.handled.some(isIt) ? { ...record, handled: record.handled.map((one) => (isIt(one) ? withoutMarks(one) : one)) } : record;
}

function withoutMarks({ token: _done, due: _none, told: _known, ...rest }: Handled): Handled {
  return rest;
}
