import type { Status } from "../../common/status";
import type { ListenerState } from "../client/events/event-listener";
import type { OrgState } from "../client/org";
import { showLane, type Translate } from "../client/org-status";

/** What there is to be shown of a listener. */
export interface ListenView {
  state: ListenerState;
  org: OrgState;
  /** What is shown while it works. */
  label(): string;
  /** Events in the flow. */
  inFlow: number;
}

/** What is shown whether or not the org is there. */
const FIRST: ReadonlySet<ListenerState["kind"]> = new Set(["unwired", "paused", "stuck", "stopped"] as const);

/** Shows how a node listens; while the org does not let it in, that. @param translate `RED._` */
export function showListener(status: Status, { state, org, label, inFlow }: ListenView, translate: Translate): void {
  const text = (key: string, values?: Record<string, string | number>) => (): string => translate(`listen.status.${key}`, values);
  if (org.error && !FIRST.has(state.kind)) return showLane(status, { kind: org.kind, messages: 0, error: org.error }, translate);
  switch (state.kind) {
    case "unwired":
      return status.set("stopped", text("unwired"));
    case "paused":
      return status.set("paused", inFlow === 0 ? text("paused") : text("paused-flow", { count: inFlow }));
    case "stuck":
      return status.set("failed", text("stuck", { count: state.count }));
    case "stopped":
      return status.set("failed", text("stopped", { reason: state.error.message }));
    case "standby":
      return status.set("paused", text("standby"));
    case "failed":
      return status.set("failed", state.error.message);
    case "waiting":
      return status.set("waiting", text("waiting", { reason: state.error.message }));
    case "holding":
      return status.set("waiting", text("waiting", { reason: state.reason }));
    case "unsaved":
      return status.set("waiting", text("unsaved", { reason: state.reason }));
    case "stale":
      return status.set("waiting", text(`stale-${state.read}`));
    case "full":
      return status.set("working", text("full", { count: inFlow }));
    case "listening":
      return status.set("connected", label);
    case "connecting":
    case "signing-in":
      return status.set("connecting", text("connecting"));
  }
}
