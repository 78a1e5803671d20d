import type { World } from "./world";

/** What comes out of a node, or of the Catch node behind it. */
export interface Answered {
  payload: never;
  salesforce?: Record<string, unknown>;
  error?: { code?: string; message: string };
}

/** One message and what must come of it. */
export interface Trial {
  msg: object;
  /** Looks at the answer, and at what became of the org. */
  check(answer: Answered): void | Promise<void>;
}

/** One message that the org refuses. */
export interface Refused {
  msg: object;
  /** What the error says. */
  error: RegExp;
  /** Its code. Default `ORG_REFUSED`. */
  code?: string;
}

/** One operation of a connector that ours replace, as a row of the documentation and as a test. */
export interface Operation {
  /** As that connector calls it. */
  name: string;
  /** Ours that does it: the last part of its type. */
  node: "record" | "query" | "bulk" | "publish" | "request";
  /** Saved properties that make it do so; all others as they come. A preset of `request` brings method and path. */
  settings: Record<string, unknown>;
  /** For the page: what the message holds. */
  takes: string;
  /** For the page: where the answer is. */
  gives: string;
  good(world: World): Trial | Promise<Trial>;
  /** Default: a message as a good one, of a user who lacks the right. */
  bad?(world: World): Refused | Promise<Refused>;
}

/** Operations of one connector. */
export interface Connector {
  title: string;
  /** What there is to say of them. */
  text: string;
  operations: Operation[];
}
