import { createHash } from "node:crypto";
import { isObject } from "./json-text";
import { NODE_DEFAULTS } from "./node-defaults";
import type { FlowPlan, PlannedNode } from "./plan";

/** A node as Node-RED imports it. */
export type FlowNode = { id: string; type: string } & Record<string, unknown>;

/** Positions and distances on a tab, in pixels. */
const LEFT = 94;
const TOP = 140;
const ROW = 60;
const GAP = 40;
const NODE_HEIGHT = 30;
const MARGIN = 25;
/** The grid of Node-RED's editor: a node on it does not jump when it is moved. */
const GRID = 20;

/** Makes the flow of a plan: tab, comment, group, nodes, config nodes. @param comment text of the comment node, in Markdown */
export function flowOf(plan: FlowPlan, comment: string): FlowNode[] {
  const ids = idsOf(plan);
  const tab = ids("tab");
  const group = ids("group");
  const places = placesOf(plan.nodes);
  const nodes = plan.nodes.map((node): FlowNode => {
    const { x, y } = places.get(node.role)!;
    const properties = resolved(node, ids);
    return { id: ids(node.role), type: node.type, z: tab, g: group, name: node.name, ...complete(node.type, properties), x, y, wires: node.to.map((roles) => roles.map(ids)) };
  });
  const right = Math.max(...plan.nodes.map((node) => places.get(node.role)!.x + widthOf(node.name) / 2));
  const bottom = Math.max(...[...places.values()].map(({ y }) => y)) + NODE_HEIGHT / 2;
  const [x, y] = [LEFT - MARGIN - 15, TOP - NODE_HEIGHT / 2 - MARGIN];
  return [
    { id: tab, type: "tab", label: plan.name, disabled: false, info: plan.info, env: [] },
    { id: ids("comment"), type: "comment", z: tab, name: "What to do here", info: comment, x: x + widthOf("What to do here") / 2, y: 60, wires: [] },
    {
      id: group,
      type: "group",
      z: tab,
      name: plan.name,
      style: { label: true, stroke: "#a4a4a4", fill: "none" },
      nodes: nodes.map(({ id }) => id),
      x,
      y,
      w: right + MARGIN - x,
      h: bottom + MARGIN - y,
    },
    ...nodes,
    ...plan.configs.map(({ role, type, name, properties, credentials }): FlowNode => ({ id: ids(role), type, name, ...complete(type, properties), ...(Object.keys(credentials).length > 0 ? { credentials } : {}) })),
  ];
}

/** Returns a function that gives each role an id. The same plan always gets the same ids, so that Node-RED notices a second import; another plan gets others. */
function idsOf(plan: FlowPlan): (role: string) => string {
  const base = JSON.stringify(plan);
  return (role) => createHash("sha256").update(base).update("\0").update(role).digest("hex").slice(0, 16);
}

/** Properties that hold the id of a config node. */
const CONFIGS = ["database", "broker", "org"] as const;

/** Returns the properties of a node with ids in place of the roles of config nodes and of watched nodes. */
function resolved({ properties }: PlannedNode, ids: (role: string) => string): Record<string, unknown> {
  const { scope, divisions } = properties;
  const configs = CONFIGS.filter((name) => typeof properties[name] === "string").map((name) => [name, ids(properties[name] as string)] as const);
  return {
    ...properties,
    ...Object.fromEntries(configs),
    ...(Array.isArray(scope) ? { scope: scope.map((role) => ids(String(role))) } : {}),
    ...(Array.isArray(divisions) ? { divisions: (divisions as { org: string }[]).map((each) => ({ ...each, org: each.org && ids(each.org) })) } : {}),
  };
}

/** Returns all properties that the editor would save, in its order. */
function complete(type: string, properties: Record<string, unknown>): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  const defaults = NODE_DEFAULTS[type] ?? {};
  for (const [name, value] of Object.entries(defaults)) {
    const given = properties[name];
    all[name] = given === undefined ? structuredClone(value) : isObject(value) && isObject(given) && Object.keys(value).length > 0 ? { ...structuredClone(value), ...given } : given;
  }
  return all;
}

/** Returns the centre of each node. Each row is below the one before; a node that begins a branch stands to the right of the node it comes from. */
function placesOf(nodes: readonly PlannedNode[]): Map<string, { x: number; y: number }> {
  const places = new Map<string, { x: number; y: number }>();
  const ends = new Map<number, number>();
  for (const node of nodes) {
    const from = nodes.find(({ to }) => to.some((roles) => roles.includes(node.role)));
    const branches = from !== undefined && from.row !== node.row;
    const start = ends.get(node.row) ?? (branches ? places.get(from.role)!.x + widthOf(from.name) / 2 + GAP : LEFT);
    const width = widthOf(node.name);
    const x = Math.round((start + width / 2) / GRID) * GRID;
    places.set(node.role, { x, y: TOP + (node.row - 1) * ROW });
    ends.set(node.row, x + width / 2 + GAP);
  }
  return places;
}

/** Returns about the width, in pixels, that the editor draws a node with. */
function widthOf(name: string): number {
  return Math.max(100, GRID * Math.ceil((50 + 7 * name.length) / GRID));
}
