import type { Agent, CaseSnapshot } from "./case-reader";
import type { EndReason, Interaction, Output, RouteReason } from "./interaction";

/** The `payload` of the node's messages, for the contact centre. */
export interface RoutePayload {
  action: Output["kind"];
  /** The case; only its id when the org does not have it any more. */
  case: CaseSnapshot | { id: string };
  /** Name of the watched queue that it is in, or was in last. */
  queue: string;
  workgroup: string;
  skills: string[];
  reason: RouteReason | EndReason;
  /** Name of the request; the same when it is sent again. */
  request?: string;
  /** How often the interaction was asked for, from 1. */
  attempt?: number;
  interactionId?: string;
  /** For an update that changes the work group: the previous one. */
  previousWorkgroup?: string;
  /** The owner of the case, when that is a person, and cases do not go directly to the queue. */
  agent?: Agent;
}

/** A message to be sent. */
export interface Outgoing {
  caseId: string;
  payload: RoutePayload;
  /** As {@link Output.cause}. */
  cause?: string;
}

/** What an {@link Outgoing} is made of. */
export interface OutgoingParts {
  caseId: string;
  output: Output;
  record: Interaction | undefined;
  snapshot: CaseSnapshot | undefined;
  skills: string[];
  agent: Agent | undefined;
  /** Used when nothing is kept of the case any more. */
  fallback: { queue: string; workgroup: string };
}

/** Puts a message together. */
export function makeOutgoing({ caseId, output, record, snapshot, skills, agent, fallback }: OutgoingParts): Outgoing {
  const { kind, reason, interactionId, previousWorkgroup, cause } = output;
  const { queue, workgroup } = record ?? fallback;
  const asks = kind !== "disconnect" && record ? { request: record.request, attempt: record.attempt } : {};
  return {
    caseId,
    ...(cause === undefined ? {} : { cause }),
    payload: {
      action: kind,
      case: snapshot ?? { id: caseId },
      queue,
      workgroup,
      skills,
      reason,
      ...asks,
      ...(interactionId === undefined ? {} : { interactionId }),
      ...(previousWorkgroup === undefined || previousWorkgroup === workgroup ? {} : { previousWorkgroup }),
      ...(agent && kind !== "disconnect" ? { agent } : {}),
    },
  };
}
