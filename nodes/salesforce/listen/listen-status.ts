import type { Status } from "../../common/status";
import type { ListenerState } from "../client/events/event-listener";
import type { OrgState } from "../client/org";
import { showLane, type Translate } from "../client/org-status";

/** The facts about a listener from which its status is made. */
export interface ListenView {
  state: ListenerState;
  org: OrgState;
  /** Returns the text that is shown while it listens. */
  label(): string;
  /** How many events are in the flow. */
  inFlow: number;
}

/** The states that are shown even if the org has an error. */
const FIRST: ReadonlySet<ListenerState["kind"]> = new Set(["unwired", "paused", "stuck", "stopped"] as const);

/** Shows the state of a listener or, while its org has an error, that error. @param translate `RED._` */
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
