import type { Agent, CaseSnapshot } from "./case-reader";
import type { EndReason, Interaction, Output, RouteReason } from "./interaction";

/** What the contact centre is told; `payload` of the node's messages. */
export interface RoutePayload {
  action: Output["kind"];
  /** Only the id, when the org does not have it any more. */
  case: CaseSnapshot | { id: string };
  /** The watched queue it is in, or was in last. */
  queue: string;
  workgroup: string;
  skills: string[];
  reason: RouteReason | EndReason;
  /** Names the request: the same when it is put out once more. */
  request?: string;
  /** How often the interaction was asked for, from 1. */
  attempt?: number;
  interactionId?: string;
  /** Of an update that changes the work group: the one before. */
  previousWorkgroup?: string;
  /** Who owns the case, when a person does and it is not to go to the queue directly. */
  agent?: Agent;
}

/** A message that is ready to go. */
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
  /** Where nothing is known of the case any more. */
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
