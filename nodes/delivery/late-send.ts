import { Hop, type FlowContext, Mark } from "./hop";
import { hopOf } from "./message-hops";
import { describeNode } from "./outcome";
import { registry, tokenOf } from "./registry";
import type { SendEvent } from "./runtime";
import { Seat } from "./seat";

/**
 * A message is sent for a delivery that is settled already. Warns of its node, once, if the reason is that the node told too early that it was done.
 *
 * @param running context of the code that sends
 */
export function warnOfLateSend({ msg, source }: SendEvent, running: FlowContext | undefined): void {
  const { node } = source;
  const token = tokenOf(msg);
  if (token !== undefined && registry.comesBack(token)) return; // the delivery was taken back while its node held it, so it was not accepted too early
  const own = hopOf(msg);
  const seat = Seat.of(node);
  if (!running?.hasLeft(node) || (own && (own.marks & Mark.Ended) === 0) || seat.warned) return;
  seat.warned = true;
  const fault = running instanceof Hop && (running.marks & Mark.Untold) !== 0 ? "takes no done and sends later" : "sends after it called done";
  (node as { warn?: (text: string) => void }).warn?.(
    `${describeNode(node)} ${fault}, so a delivery cannot be followed through it: it was settled before this message was sent`,
  );
}
