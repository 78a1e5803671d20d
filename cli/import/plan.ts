/** A node of the planned flow. Its `role` is a word that stands for it until it gets its id. */
export interface PlannedNode {
  role: string;
  type: string;
  name: string;
  /** The properties that differ from the type's defaults; `undefined` stands for the default. Config nodes are named by their roles. */
  properties: Record<string, unknown>;
  /** Roles of the nodes that each output is wired to. */
  to: string[][];
  row: number;
}

/** A config node. */
export interface PlannedConfig {
  role: string;
  type: string;
  name: string;
  properties: Record<string, unknown>;
  credentials: Record<string, string>;
}

/** A flow to make. It holds no secret. */
export interface FlowPlan {
  name: string;
  /** Description of the tab. */
  info: string;
  /** The kind of file that it was made from, with an article. */
  madeFrom: string;
  /** What the flow does, in one line. */
  summary: string;
  /** What the user has to do before and after the flow is started, as sentences in Markdown. */
  steps: string[];
  /** The nodes of a row are in order from left to right. */
  nodes: PlannedNode[];
  configs: PlannedConfig[];
}
