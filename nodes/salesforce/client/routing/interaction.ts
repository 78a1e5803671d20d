/**
 * How it stands with a case's interaction. Times are ms since the epoch.
 *
 * | state     | meaning                                                                        |
 * |-----------|--------------------------------------------------------------------------------|
 * | (none)    | the case has never been routed, or is closed                                   |
 * | `waiting` | *create* was put out, and the answer has not come                               |
 * | `open`    | the answer was *created*: there is an interaction                               |
 * | `closing` | *disconnect* was put out, and the answer *ended* has not come                   |
 * | `idle`    | the interaction has ended, the case is still open: its owner and work group are known |
 */
export type InteractionState = "waiting" | "open" | "closing" | "idle";

/** Why an interaction is created or updated. `missed`: found by the query on start. */
export type RouteReason = "new" | "owner" | "queue" | "comment" | "email" | "missed";

/** Why it is disconnected. `duplicate`: the case has another one; `late`: nobody waits for it any more. */
export type EndReason = "closed" | "deleted" | "unwatched" | "reply" | "duplicate" | "late";

/** One of the node's messages to the contact centre. */
export interface Output {
  kind: "create" | "update" | "disconnect";
  reason: RouteReason | EndReason;
  /** Of a create: the request it makes. */
  request?: string;
  interactionId?: string;
  /** Of an update that changes the work group: the one before. */
  previousWorkgroup?: string;
  /** Of what is put out once more: the signal that has led to it. */
  cause?: string;
}

/** What a signal has led to, so that its repeat leads to the same and to nothing more. */
export interface Handled {
  cause: string;
  outputs: Output[];
  /** Token of the delivery its outputs belong to, until it is known to be done with. */
  token?: string;
  /** Some of its outputs are owed, see `OwedOutputs`: when they are put out once more. */
  due?: number;
  /** Of an update that is owed: the work group that it tells. */
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
  /** Names the request for an interaction; the same when it is put out again. */
  request: string;
  /** How often the interaction was asked for. */
  attempt: number;
  reason: RouteReason;
  /** `waiting`: when the request is given up; `open`: when the case is marked, unless it was; `closing`: when the disconnect is put out once more, then when it is forgotten. */
  due?: number;
  /** The interaction that is open; after its end, the last one. */
  interactionId?: string;
  /** `waiting`: to be disconnected as soon as it is there; `closing`: why it is. */
  ending?: EndReason;
  /** `closing`: the disconnect has left the flow. */
  told?: true;
  /** `waiting`: the work group that it was asked for first, where the case has gone to another since, and perhaps come back. */
  askedOf?: string;
  /** `waiting`: others that have ended, the latest first. One of them may be what is asked for, when answers have changed places. */
  over?: string[];
  /** The case is marked as processed. */
  marked?: boolean;
  /** The latest first. */
  handled: Handled[];
}

/** What is known of the case now. */
export interface CaseFacts {
  owner: string;
  isClosed: boolean;
}

/** What has happened. */
export type Happening =
  | { kind: "created" }
  /** `arrived`: it may have come to where it is just now: its owner is another, it was reopened, or nobody says what has changed. */
  | { kind: "updated"; arrived: boolean; by?: string }
  | { kind: "deleted" }
  | { kind: "comment"; by?: string }
  | { kind: "email"; incoming: boolean }
  | { kind: "missed" }
  /** `request`: which request it answers, when it says so. */
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

/** What a decision stands on. */
export interface Situation {
  record: Interaction | undefined;
  /** Undefined: the org does not have it (any more). */
  found: CaseFacts | undefined;
  /** The watched queue that owns the case, and the work group that serves it. */
  watched: { queue: string; workgroup: string } | undefined;
  rules: RoutingRules;
  now: number;
  /** Gives a new request its name. */
  newRequest(): string;
}

/** What is to be done. The record is to be stored before an output is put out. */
export interface Decision {
  /** Undefined: nothing is kept. */
  record: Interaction | undefined;
  outputs: Output[];
  /** The interaction is there: mark the case, then set `marked`. */
  mark?: true;
  /** What an operator should know. */
  note?: string;
}

/** Ids of users begin with 005, those of queues with 00G. */
export function isPerson(owner: string): boolean {
  return owner.startsWith("005");
}
