import type { Status } from "../../common/status";
import type { LaneState } from "./org-lane";

/** Gives the text of a key; `RED._` fits. */
export type Translate = (key: string, values?: Record<string, string | number>) => string;

/** Where the texts are: they are the org node's, whichever node shows them. */
const CATALOGUE = "@surewire/node-red-connectors/surewire-salesforce-org:org.status.";

/** Shows the state of a node and its org in the node's status, and how much of the org's API calls is used. @param translate `RED._` */
export function showLane(status: Status, { kind, messages, error, usedPercent, slowedAt }: LaneState, translate: Translate): void {
  if (kind === "failed") status.set("failed", error?.message);
  else if (kind === "waiting") status.set("waiting", () => translate(`${CATALOGUE}waiting`, { reason: error?.message ?? "" }));
  else if (slowedAt !== undefined) status.set("waiting", () => translate(`${CATALOGUE}slowed`, { percent: slowedAt, count: messages }));
  else if (usedPercent !== undefined && (kind === "working" || kind === "connected")) {
    status.set(kind, () => translate(`${CATALOGUE}${kind}-used`, { count: messages, percent: usedPercent || "< 1" }));
  } else if (kind === "working") status.set("working", () => translate(`${CATALOGUE}working`, { count: messages }));
  else status.set(kind, () => translate(CATALOGUE + kind));
}
