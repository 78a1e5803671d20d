/** A node of the flow to make, by a word that stands for it until it gets its id. */
export interface PlannedNode {
  role: string;
  type: string;
  name: string;
  /** What differs from the type's defaults; `undefined` does not. Config nodes are named by their roles. */
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
  /** What kind of file it was made from, with its article. */
  madeFrom: string;
  /** What it does, in one line. */
  summary: string;
  /** What somebody has to do before and with it, as sentences in Markdown. */
  steps: string[];
  /** In each row from left to right. */
  nodes: PlannedNode[];
  configs: PlannedConfig[];
}
