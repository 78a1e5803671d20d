import { type FlowContext, type FlowNode, Hop, Mark } from "./hop";
import { hopOf } from "./message-hops";
import { describeNode } from "../outcome";
import { registry, tokenOf } from "./registry";
import type { SendEvent } from "../runtime";
import type { Scope } from "./scope";
import { Seat } from "./seat";

/**
 * Types of nodes that take no `done`, but of which no warning is needed: they keep no message, and have finished with it when their handler returns or when they send it
 * on. They are nodes of Node-RED itself, and the widgets of its first dashboard (node-red-dashboard, ui.js), which show a message in their handler and send it on only if
 * it differs from the one before.
 */
const HARMLESS = /^(switch|rbe|junction|subflow(-status|:.*)?|ui_.+)$/;

/** Types of nodes that {@link warnOfSilence} has looked at. It warns once for each type: a flow may have dozens of nodes of one type, such as gauges of a dashboard. */
const silent = new Set<string>();

/**
 * Warns, once per node, of a node that sends a message for a delivery which is settled already, if the reason is that the node counted as done too early.
 *
 * @param running context of the code that sends; `undefined` if it has none or that of another message. Then only the message itself shows the delivery
 */
export function warnOfLateSend({ msg, source }: SendEvent, running: FlowContext | undefined): void {
  const { node } = source;
  const own = hopOf(msg);
  const left = own && isUntold(own, node) ? own : running;
  if (!left?.hasLeft(node) || (own && (own.marks & Mark.Ended) === 0)) return;
  const token = tokenOf(msg);
  if (token !== undefined && registry.comesBack(token)) return; // the delivery has ended in another way while its node held it, so it was not accepted too early
  warn(node, isUntold(left, node) ? "takes no done and sends later" : "sends after it called done", "this message was sent");
}

/**
 * Warns, once per node, of a node that takes no `done` and reports an error after the message it works on was accepted.
 *
 * @param running context of the code that reports the error
 */
export function warnOfLateError(node: FlowNode, running: FlowContext | undefined): void {
  if (running?.scope.closed && isUntold(running, node) && wasAccepted(running.scope)) warn(node, "takes no done and reports an error later", "this error was told");
}

/** Warns, once per node, of a node that calls `done` again for an accepted message, now with an error. @param scope the message's scope, which is closed */
export function warnOfLateFailure(node: FlowNode, scope: Scope): void {
  if (wasAccepted(scope)) warn(node, "calls done more than once, and with an error at last", "this error was told");
}

/** Warns, once per type of node, of a node that takes no `done` and has sent nothing for a message, which therefore counts as done with. */
export function warnOfSilence(node: FlowNode): void {
  const type = node.type ?? "";
  if (silent.has(type)) return;
  silent.add(type);
  if (HARMLESS.test(type)) return;
  tell(node, "takes no done and has sent nothing for a message, so the message counts as done with. That is right if it drops or shows messages; if it keeps them, or still works on them, choose Settle: by a settle node at their source");
}

function wasAccepted({ deliveries }: Scope): boolean {
  for (const { token } of deliveries) if (registry.comesBack(token)) return false;
  return true;
}

function isUntold(context: FlowContext, node: FlowNode): boolean {
  return context instanceof Hop && (context.marks & Mark.Untold) !== 0 && context.hasLeft(node);
}

function warn(node: FlowNode, fault: string, what: string): void {
  const seat = Seat.of(node);
  if (seat.warned) return;
  seat.warned = true;
  tell(node, `${fault}, so a delivery cannot be followed through it: it was settled before ${what}`);
}

function tell(node: FlowNode, text: string): void {
  (node as { warn?: (text: string) => void }).warn?.(`${describeNode(node)} ${text}`);
}
