/** A node of the flows, as `RED.nodes.eachNode` gives it. */
export interface FlowNode {
  id: string;
  /** Id of the tab or subflow it is on; absent for config nodes of all flows. */
  z?: string;
  /** Id of its broker's config node. */
  broker?: unknown;
  /** Of a tab. */
  label?: string;
  /** Of a subflow. */
  name?: string;
}

/** Longer names are cut: the management page shows them in a column. */
const LENGTH = 120;

/**
 * How a broker's connections are called in its management pages: by the config node and the tabs that use it, so that whoever sees one
 * knows where to look.
 *
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
