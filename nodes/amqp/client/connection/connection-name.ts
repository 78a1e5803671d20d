/** A node of the flows, as `RED.nodes.eachNode` passes it. */
export interface FlowNode {
  id: string;
  /** Id of the tab or subflow that the node is on. Absent for config nodes that belong to all flows. */
  z?: string;
  /** Id of the broker's config node that the node uses. */
  broker?: unknown;
  /** The name, if this is a tab. */
  label?: string;
  /** The name, if this is a subflow. */
  name?: string;
}

/** Most characters of a name. Longer ones are cut, because the management page shows them in a column. */
const LENGTH = 120;

/**
 * Returns the name under which the broker's management page shows our connections. It consists of the config node's name and the tabs that use it, so that a reader of
 * the page knows where to look.
 *
 * @param id id of the config node
 * @param name its name, may be empty
 * @param nodes all nodes of the flows
 */
export function connectionName(id: string, name: string, nodes: Iterable<FlowNode>): string {
  const tabs = new Map<string, string>();
  const used = new Set<string>();
  for (const node of nodes) {
    if (node.broker === id && node.z) used.add(node.z);
    else tabs.set(node.id, node.label || node.name || "");
  }
  const labels = [...used].map((tab) => tabs.get(tab) || tab).sort();
  const text = `node-red ${name || id}${labels.length > 0 ? `: ${labels.join(", ")}` : ""}`;
  return text.length > LENGTH ? `${text.slice(0, LENGTH - 1)}…` : text;
}
