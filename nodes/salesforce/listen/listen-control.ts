import { ConnectorError } from "../../common/errors";
import type { EventListener } from "../client/events/event-listener";
import type { ReplayFrom } from "../client/events/listen-settings";

const FROM: readonly unknown[] = ["stored", "new", "all"];

/** Pauses or resumes the listener, as `action` says. With `resume`, `replayFrom` may say where to begin. @throws ConnectorError `INPUT_INVALID` for other values */
export function control(listener: Pick<EventListener, "pause" | "resume">, message: { action?: unknown; replayFrom?: unknown }): void {
  const { action, replayFrom } = message;
  if (action === "pause") return listener.pause("asked");
  if (action !== "resume") throw new ConnectorError("INPUT_INVALID", `msg.action must be "pause" or "resume": ${described(action)}`);
  if (replayFrom === undefined) return listener.resume("asked");
  if (!FROM.includes(replayFrom)) throw new ConnectorError("INPUT_INVALID", `msg.replayFrom must be "stored", "new" or "all": ${described(replayFrom)}`);
  listener.resume("asked", replayFrom as ReplayFrom);
}

function described(value: unknown): string {
  return typeof value === "string" ? value : typeof value;
}
