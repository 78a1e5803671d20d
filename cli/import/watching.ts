import type { PlannedNode } from "./plan";

/** Returns a debug node. @param log whether it is switched on, shows whole messages and writes to Node-RED's log, too; else it is off and shows the payload */
export function debug(role: string, name: string, row: number, log: boolean): PlannedNode {
  return { role, type: "debug", name, row, to: [], properties: { active: log, console: log, complete: log ? "true" : "payload", targetType: log ? "full" : "msg" } };
}

/** Returns a catch node and a debug node that show the errors of these nodes. They have no effect on what becomes of a message. */
export function failures(nodes: readonly PlannedNode[]): PlannedNode[] {
  const row = Math.max(...nodes.map((node) => node.row)) + 1;
  const watched = nodes.filter(({ type }) => type !== "debug" && type !== "inject").map(({ role }) => role);
  return [{ role: "catch", type: "catch", name: "what fails", row, to: [["failed"]], properties: { scope: watched } }, debug("failed", "failed", row, true)];
}
