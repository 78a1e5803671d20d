import type { CaseRead, ChildRead } from "./case-reader";
import type { Mark } from "./case-marker";
import type { Handled, Happening, Interaction, Output } from "./interaction";
import type { Signal } from "./signal";
import type { ConnectorError } from "../../../common/errors";

/** One case that a message is about, and what was decided for it. */
export interface Step {
  caseId: string;
  happening: Happening;
  /** What tells the message from all others; absent for what the node does of its own accord. */
  cause?: string;
  /** The work group that the answer names, for a case of which nothing is kept. */
  workgroup?: string;
  /** Queue and work group for the messages about a case of which nothing is kept. */
  fallback?: { queue: string; workgroup: string };
  /** What was decided. It is not decided again when a later part of the work fails. */
  done?: { outputs: Output[]; record: Interaction | undefined; skills: string[] };
  /** The mark that is still to be set. */
  mark?: Mark;
  error?: ConnectorError;
}

/** How many of a case's last signals are remembered. */
const REMEMBERED = 8;
/** How many in all, with those before that are not known to be done with. */
const MOST_REMEMBERED = 100;

/** Makes a step for each case that a message is about. @param comments those that were looked up, by id @param emails likewise */
export function stepsOf(signal: Signal, comments: ReadonlyMap<string, ChildRead>, emails: ReadonlyMap<string, ChildRead>): Step[] {
  switch (signal.about) {
    case "cases":
      return signal.ids.map((caseId) => ({ caseId, happening: signal.happening, cause: signal.cause }));
    case "answer":
      return [{ caseId: signal.id, happening: signal.happening, cause: signal.cause, ...(signal.workgroup === undefined ? {} : { workgroup: signal.workgroup }) }];
    case "comments":
      return signal.ids.flatMap((id) => {
        const found = comments.get(id);
        const by = signal.by ?? found?.by;
        return stepOf(signal.caseId ?? found?.caseId, { kind: "comment", ...(by === undefined ? {} : { by }) }, signal.cause);
      });
    case "emails":
      return signal.ids.flatMap((id) => {
        const found = emails.get(id);
        const incoming = signal.incoming ?? found?.incoming;
        return incoming === undefined ? [] : stepOf(signal.caseId ?? found?.caseId, { kind: "email", incoming }, signal.cause);
      });
    default:
      return [];
  }
}

/** A step for a comment or an e-mail; none when it does not belong to a case, but to another record, or was deleted. */
function stepOf(caseId: string | undefined, happening: Happening, cause: string): Step[] {
  return caseId?.startsWith("500") ? [{ caseId, happening, cause }] : [];
}

/** Adds who has changed a case. A PushTopic does not say that, so the case's last modifier is taken. */
export function withAuthor(happening: Happening, read: CaseRead | undefined): Happening {
  if (happening.kind !== "updated" || happening.by !== undefined || !read) return happening;
  return { ...happening, by: read.lastModifiedBy };
}

/** The handled signals with a new one in front. When there are too many, the oldest are dropped, those first whose outputs have left the flow and are not owed. */
export function remember(handled: readonly Handled[], one: Handled): Handled[] {
  const kept = [one, ...handled].filter(({ token, due }, index) => index < REMEMBERED || token !== undefined || due !== undefined);
  return kept.slice(0, MOST_REMEMBERED);
}

/** The values that marks can use, in `msg.routing`. */
export interface MarkValues {
  caseId: string;
  caseNumber: string | undefined;
  interactionId: string | undefined;
  queue: string | undefined;
  workgroup: string | undefined;
  skills: string;
  reason: string | undefined;
  /** ISO 8601. */
  time: string;
}

/** Makes the `msg.routing` of a mark. @param now ms since the epoch */
export function markValues(caseId: string, record: Interaction | undefined, skills: readonly string[], read: CaseRead | undefined, now: number): MarkValues {
  return {
    caseId,
    caseNumber: read?.snapshot.number,
    interactionId: record?.interactionId,
    queue: record?.queue,
    workgroup: record?.workgroup,
    skills: skills.join(";"),
    reason: record?.reason,
    time: new Date(now).toISOString(),
  };
}
