/**
 * What becomes of a case's interaction: a state machine without clock, store or org. Times are ms since the epoch.
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
}

/** What a signal has led to, so that its repeat leads to the same and to nothing more. */
export interface Handled {
  cause: string;
  outputs: Output[];
  /** Token of the delivery its outputs belonged to. */
  token?: string;
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
  /** `waiting`: when the request is given up; `closing`: when it is forgotten. */
  due?: number;
  /** The interaction that is open; after its end, the last one. */
  interactionId?: string;
  /** `waiting`: to be disconnected as soon as it is there; `closing`: why it is. */
  ending?: EndReason;
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
  | { kind: "updated"; ownerChanged: boolean; by?: string }
  | { kind: "deleted" }
  | { kind: "comment"; by?: string }
  | { kind: "email"; incoming: boolean }
  | { kind: "missed" }
  | { kind: "answer"; status: "created" | "failed" | "ended"; interactionId?: string }
  | { kind: "due" };

/** Which rules are on. */
export interface RoutingRules {
  onNew: boolean;
  onOwner: boolean;
  onQueue: boolean;
  onComment: boolean;
  onEmail: boolean;
  disconnectOnReply: boolean;
  /** ms until a request without an answer is given up; doubles with each attempt, up to {@link LONGEST_WAIT}. */
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

/** Requests of a contact centre that is away for long would pile up; ms. */
export const LONGEST_WAIT = 3_600_000;
/** ms after which a request that has failed is made again, doubling with each attempt up to the time-out. */
const AFTER_FAILURE = 5_000;

/** Decides. Changes nothing it is given. */
export function decide(situation: Situation, happening: Happening): Decision {
  switch (happening.kind) {
    case "answer":
      return answered(situation, happening.status, happening.interactionId);
    case "due":
      return overdue(situation);
    default:
      return changed(situation, happening);
  }
}

type Change = Exclude<Happening, { kind: "answer" | "due" }>;

function changed(situation: Situation, change: Change): Decision {
  const { record, found, watched, rules } = situation;
  if (!found || change.kind === "deleted") return end(situation, "deleted");
  if (found.isClosed) return end(situation, "closed");
  if (!watched && !isPerson(found.owner)) return end(situation, "unwatched");
  const workgroup = watched?.workgroup ?? record?.workgroup;
  if (workgroup === undefined) return keep(record);
  const moved = record ? record.owner !== found.owner : change.kind === "updated" && change.ownerChanged;
  const reason = reasonOf(situation, change, moved);
  if (reason) return route(situation, reason);
  const seen = record && moved ? located(record, situation) : record;
  if (isReply(change, found) && rules.disconnectOnReply) return end({ ...situation, record: seen }, "reply");
  return keep(seen);
}

function reasonOf({ record, found, watched, rules }: Situation, change: Change, moved: boolean): RouteReason | undefined {
  const owner = found?.owner ?? "";
  if (change.kind === "email" && change.incoming && rules.onEmail) return "email";
  if (change.kind === "comment" && change.by !== owner && rules.onComment) return "comment";
  if (!record && watched && change.kind === "created" && rules.onNew) return "new";
  if (!record && watched && change.kind === "missed") return "missed";
  if (!moved) return undefined;
  if (watched && rules.onQueue) return "queue";
  if (!rules.onOwner) return undefined;
  // Who takes a case, or has answered already, need not be told of it.
  const taken = isPerson(owner) && ((change.kind === "updated" && change.by === owner) || isReply(change, { owner }));
  return taken ? undefined : "owner";
}

/** The owner's own words are the answer to the customer. */
function isReply(change: Change, { owner }: Pick<CaseFacts, "owner">): boolean {
  if (change.kind === "email") return !change.incoming;
  return change.kind === "comment" && change.by === owner;
}

function route(situation: Situation, reason: RouteReason): Decision {
  const { record } = situation;
  if (record?.state !== "waiting" && record?.state !== "open") return create(situation, reason);
  const { ending: _wantedAgain, ...rest } = located(record, situation);
  const update: Output = { kind: "update", reason };
  if (record.state === "open" && record.interactionId !== undefined) update.interactionId = record.interactionId;
  if (rest.workgroup !== record.workgroup) update.previousWorkgroup = record.workgroup;
  return { record: rest, outputs: [update] };
}

function create(situation: Situation, reason: RouteReason): Decision {
  const { record, found, watched, rules, now } = situation;
  const next: Interaction = {
    state: "waiting",
    owner: found?.owner ?? "",
    queue: watched?.queue ?? record?.queue ?? "",
    workgroup: watched?.workgroup ?? record?.workgroup ?? "",
    request: situation.newRequest(),
    attempt: 1,
    reason,
    due: now + waitFor(rules, 1),
    ...(record?.interactionId === undefined ? {} : { interactionId: record.interactionId }),
    handled: record?.handled ?? [],
  };
  return { record: next, outputs: [{ kind: "create", reason, request: next.request }] };
}

/** The case needs no interaction: an open one is disconnected, one that is asked for as soon as it is there. */
function end({ record, found, rules, now }: Situation, reason: EndReason): Decision {
  if (!record) return keep(undefined);
  const stays = reason === "reply";
  const seen = found ? { ...record, owner: found.owner } : record;
  switch (record.state) {
    case "idle":
      return keep(stays ? record : undefined);
    case "closing":
      return keep(stays || record.ending === reason ? record : { ...seen, ending: reason });
    case "waiting":
      return keep(record.ending === reason ? record : { ...seen, ending: reason });
    case "open": {
      const outputs: Output[] = [{ kind: "disconnect", reason, ...(record.interactionId === undefined ? {} : { interactionId: record.interactionId }) }];
      return { record: { ...seen, state: "closing", ending: reason, due: now + rules.answerTimeout }, outputs };
    }
  }
}

function answered(situation: Situation, status: "created" | "failed" | "ended", interactionId: string | undefined): Decision {
  if (status === "created") return created(situation, interactionId);
  const { record } = situation;
  if (!record) return keep(undefined);
  if (status === "failed") return failed(situation, record);
  const isOther = interactionId !== undefined && interactionId !== record.interactionId;
  if (record.state === "waiting") {
    // Of the interaction before; or of this one, whose answers have changed places.
    if (!isOther || interactionId === undefined) return keep(record);
    return finished({ ...record, interactionId });
  }
  return isOther || record.state === "idle" ? keep(record) : finished(record);
}

function created(situation: Situation, id: string | undefined): Decision {
  const { record, found, watched, rules, now } = situation;
  const disconnect = (reason: EndReason): Output => ({ kind: "disconnect", reason, ...(id === undefined ? {} : { interactionId: id }) });
  const named = id === undefined ? {} : { interactionId: id };
  if (!record) {
    // What was known of the case is lost, or was not needed any more.
    if (!found || found.isClosed || !watched) return { record, outputs: [disconnect("late")] };
    const adopted = create(situation, "missed").record;
    return adopted ? opened(situation, { ...adopted, ...named }) : keep(undefined);
  }
  if (record.state === "waiting") {
    if (id !== undefined && id === record.interactionId) return keep(record); // repeated, of the interaction before
    if (record.ending === undefined) return opened(situation, { ...record, ...named });
    return { record: { ...record, ...named, state: "closing", due: now + rules.answerTimeout }, outputs: [disconnect(record.ending)] };
  }
  if (id === record.interactionId) return record.state === "open" && !record.marked ? { record, outputs: [], mark: true } : keep(record);
  return { record, outputs: [disconnect(record.state === "open" ? "duplicate" : "late")] };
}

/** Until it is marked its time is kept: should the answer be lost half-way, the case is marked all the same. */
function opened({ rules, now }: Situation, record: Interaction): Decision {
  const { marked: _marked, ...rest } = record;
  return { record: { ...rest, state: "open", due: now + rules.answerTimeout }, outputs: [], mark: true };
}

function failed({ rules, now }: Situation, record: Interaction): Decision {
  if (record.state !== "waiting") return keep(record);
  if (record.ending !== undefined) return finished(record);
  const delay = Math.min(AFTER_FAILURE * 2 ** (record.attempt - 1), waitFor(rules, record.attempt));
  return { record: { ...record, due: now + delay }, outputs: [], note: `no interaction could be created; it is asked for again in ${delay} ms` };
}

/** The time of a request, or of a disconnect, is up. */
function overdue(situation: Situation): Decision {
  const { record, found, watched, rules, now } = situation;
  if (!record || record.due === undefined || record.due > now) return keep(record);
  if (record.state === "closing") return finished(record);
  if (record.state === "open" && !record.marked) return { record: { ...record, due: now + rules.answerTimeout }, outputs: [], mark: true };
  if (record.state !== "waiting") return keep(record);
  const reason = !found ? "deleted" : found.isClosed ? "closed" : !watched && !isPerson(found.owner) ? "unwatched" : record.ending;
  if (reason) return { ...finished({ ...record, ending: reason }), note: `no answer has come, and none is needed any more (${reason})` };
  const attempt = record.attempt + 1;
  const next = { ...located(record, situation), attempt, due: now + waitFor(rules, attempt) };
  return { record: next, outputs: [{ kind: "create", reason: record.reason, request: record.request }], note: "no answer has come in time: it is given up and routed again" };
}

/** Nothing is open any more. What is known of the case is needed as long as it may come back to its work group. */
function finished(record: Interaction): Decision {
  const { ending, due: _due, ...rest } = record;
  return keep(ending === undefined || ending === "reply" ? { ...rest, state: "idle" } : undefined);
}

function located(record: Interaction, { found, watched }: Situation): Interaction {
  return { ...record, owner: found?.owner ?? record.owner, queue: watched?.queue ?? record.queue, workgroup: watched?.workgroup ?? record.workgroup };
}

function keep(record: Interaction | undefined): Decision {
  return { record, outputs: [] };
}

function waitFor({ answerTimeout }: RoutingRules, attempt: number): number {
  return Math.min(answerTimeout * 2 ** Math.min(attempt - 1, 20), Math.max(LONGEST_WAIT, answerTimeout));
}

/** Ids of users begin with 005, those of queues with 00G. */
export function isPerson(owner: string): boolean {
  return owner.startsWith("005");
}
