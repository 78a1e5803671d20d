/**
 * State of a case's interaction.
 *
 * | state     | meaning                                                                        |
 * |-----------|--------------------------------------------------------------------------------|
 * | (none)    | the case has never been routed, or is closed                                   |
 * | `waiting` | *create* was sent, and no answer has come                                       |
 * | `open`    | the answer was *created*: there is an interaction                               |
 * | `closing` | *disconnect* was sent, and the answer *ended* has not come                      |
 * | `idle`    | the interaction has ended, the case is still open: its owner and work group are known |
 */
export type InteractionState = "waiting" | "open" | "closing" | "idle";

/** Why an interaction is created or updated. `missed`: no signal told of the case, it was found by the query for open cases. */
export type RouteReason = "new" | "owner" | "queue" | "comment" | "email" | "missed";

/** Why an interaction is disconnected. `duplicate`: the case has another one; `late`: it came when it was no longer waited for. */
export type EndReason = "closed" | "deleted" | "unwatched" | "reply" | "duplicate" | "late";

/** One of the node's messages to the contact centre. */
export interface Output {
  kind: "create" | "update" | "disconnect";
  reason: RouteReason | EndReason;
  /** For a create: the name of the request. */
  request?: string;
  interactionId?: string;
  /** For an update that changes the work group: the previous one. */
  previousWorkgroup?: string;
  /** For an output that is sent again because it was owed: the cause of the signal that led to it. */
  cause?: string;
}

/** The outputs that a signal has led to, so that a repeat of the signal leads to the same ones and to no others. */
export interface Handled {
  cause: string;
  outputs: Output[];
  /** Token of the delivery that the outputs belong to, until that is known to be over. */
  token?: string;
  /** Set when outputs are owed (see `OwedOutputs`): when they are sent again, in ms since the epoch. */
  due?: number;
  /** For an owed update: the work group that it tells. */
  told?: string;
}

/** What is kept of a case. */
export interface Interaction {
  state: InteractionState;
  /** Id of the owner when the case was looked at last. */
  owner: string;
  /** Name of the last watched queue it was in. */
  queue: string;
  workgroup: string;
  /** Name of the request for an interaction; the same when it is sent again. */
  request: string;
  /** How often the interaction was asked for, from 1. */
  attempt: number;
  reason: RouteReason;
  /**
   * In ms since the epoch. `waiting`: when the request is given up and made again; `open`: when the case is marked, unless it is; `closing`: when the
   * disconnect is sent again, or, once it has left the flow, when the interaction is forgotten.
   */
  due?: number;
  /** Id of the open interaction; after its end, of the last one. */
  interactionId?: string;
  /** `waiting`: why the interaction is to be disconnected as soon as it is there; `closing`: why it is disconnected. */
  ending?: EndReason;
  /** `closing`: the disconnect has left the flow. */
  told?: true;
  /** `waiting`: the work group that the interaction was first asked for, if the case has moved to another since (and perhaps back). */
  askedOf?: string;
  /**
   * `waiting`: ids of other interactions that have ended, latest first. One of them may be the one asked for, when its answers *created* and *ended* came in
   * the wrong order.
   */
  over?: string[];
  /** The case is marked as processed. */
  marked?: boolean;
  /** The last signals that led to outputs, latest first. */
  handled: Handled[];
}

/** What the org says of the case now. `owner`: id of a user or a queue. */
export interface CaseFacts {
  owner: string;
  isClosed: boolean;
}

/** What has happened to a case. `by`: id of the user who did it. */
export type Happening =
  | { kind: "created" }
  /** `arrived`: the case may just have come to its owner, since its owner has changed, it was reopened, or it is not known what changed. */
  | { kind: "updated"; arrived: boolean; by?: string }
  | { kind: "deleted" }
  | { kind: "comment"; by?: string }
  | { kind: "email"; incoming: boolean }
  | { kind: "missed" }
  /** `request`: name of the request it answers, if it gives that. */
  | { kind: "answer"; status: "created" | "failed" | "ended"; interactionId?: string; request?: string }
  | { kind: "due" };

/** Which rules are on. */
export interface RoutingRules {
  onNew: boolean;
  onOwner: boolean;
  onQueue: boolean;
  onComment: boolean;
  onEmail: boolean;
  disconnectOnReply: boolean;
  /** ms until a request without an answer is given up; doubles with each attempt, up to an hour. */
  answerTimeout: number;
}

/** What a decision is based on. */
export interface Situation {
  record: Interaction | undefined;
  /** `undefined`: the org does not have the case, or not any more. */
  found: CaseFacts | undefined;
  /** Names of the watched queue that owns the case and of the work group that serves it; `undefined` if no watched queue owns it. */
  watched: { queue: string; workgroup: string } | undefined;
  rules: RoutingRules;
  /** ms since the epoch. */
  now: number;
  /** Makes the name of a new request. */
  newRequest(): string;
}

/** What is to be done. The record must be stored before an output is sent. */
export interface Decision {
  /** What is to be kept of the case; `undefined`: nothing. */
  record: Interaction | undefined;
  outputs: Output[];
  /** Set when the interaction is there: mark the case, then set `marked` in the record. */
  mark?: true;
  /** What an operator should know. */
  note?: string;
}

/** Whether an owner is a user rather than a queue: ids of users begin with 005, those of queues with 00G. */
export function isPerson(owner: string): boolean {
  return owner.startsWith("005");
}
