import type { CaseRead, ChildRead } from "./case-reader";
import type { Mark } from "./case-marker";
import type { Handled, Happening, Interaction, Output } from "./interaction";
import type { Signal } from "./signal";
import type { ConnectorError } from "../../../common/errors";

/** What is decided for one case of a message. */
export interface Step {
  caseId: string;
  happening: Happening;
  /** What tells the message from others; absent for what the node does of its own accord. */
  cause?: string;
  /** What the answer says of it, for a case that nothing is known of. */
  workgroup?: string;
  /** Whom to tell of a case that nothing is known of. */
  fallback?: { queue: string; workgroup: string };
  /** What was decided: it is not decided again when a later part fails. */
  done?: { outputs: Output[]; record: Interaction | undefined; skills: string[] };
  /** Not done yet. */
  mark?: Mark;
  error?: ConnectorError;
}

/** So many of the latest signals of a case are remembered. */
const REMEMBERED = 8;

/** The cases a message is about. @param comments, emails those that were looked up */
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

/** An e-mail may belong to something else than a case, and what was deleted belongs to nothing. */
function stepOf(caseId: string | undefined, happening: Happening, cause: string): Step[] {
  return caseId?.startsWith("500") ? [{ caseId, happening, cause }] : [];
}

/** A PushTopic does not say who has changed a case: the case says who was the last. */
export function withAuthor(happening: Happening, read: CaseRead | undefined): Happening {
  if (happening.kind !== "updated" || happening.by !== undefined || !read) return happening;
  return { ...happening, by: read.lastModifiedBy };
}

/** The handled signals, with a new one. */
export function remember(handled: readonly Handled[], one: Handled): Handled[] {
  return [one, ...handled].slice(0, REMEMBERED);
}

/** What the values of a mark are taken from, as `msg.routing`. */
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

/** @param now ms since the epoch */
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
