import type { PlannedNode } from "./plan";

/** A debug node. @param log writes to Node-RED's log, too */
export function debug(role: string, name: string, row: number, log: boolean): PlannedNode {
  return { role, type: "debug", name, row, to: [], properties: { active: log, console: log, complete: log ? "true" : "payload", targetType: log ? "full" : "msg" } };
}

/** Errors are shown; what becomes of the message is decided without them. */
export function failures(nodes: readonly PlannedNode[]): PlannedNode[] {
  const row = Math.max(...nodes.map((node) => node.row)) + 1;
  const watched = nodes.filter(({ type }) => type !== "debug" && type !== "inject").map(({ role }) => role);
  return [{ role: "catch", type: "catch", name: "what fails", row, to: [["failed"]], properties: { scope: watched } }, debug("failed", "failed", row, true)];
}
