import { type CaseFacts, type Decision, type EndReason, type Happening, type Interaction, isPerson, type Output, type RouteReason, type RoutingRules, type Situation } from "./interaction";

/** Requests of a contact centre that is away for long would pile up; ms. */
export const LONGEST_WAIT = 3_600_000;
/** ms after which a request that has failed is made again, doubling with each attempt up to the time-out. */
const AFTER_FAILURE = 5_000;
/** So many ended interactions are remembered while one is asked for. */
const MOST_OVER = 8;

/** Decides what becomes of a case's interaction: a state machine without clock, store or org. Changes nothing it is given. */
export function decide(situation: Situation, happening: Happening): Decision {
  switch (happening.kind) {
    case "answer":
      return answered(situation, happening);
    case "due":
      return overdue(situation);
    default:
      return changed(situation, happening);
  }
}

type Answer = Extract<Happening, { kind: "answer" }>;
type Change = Exclude<Happening, { kind: "answer" | "due" }>;

function changed(situation: Situation, change: Change): Decision {
  const { record, found, watched, rules } = situation;
  if (!found || change.kind === "deleted") return end(situation, "deleted");
  if (found.isClosed) return end(situation, "closed");
  if (!watched && !isPerson(found.owner)) return end(situation, "unwatched");
  const workgroup = watched?.workgroup ?? record?.workgroup;
  // Who has given a case to a person, and whether that is to be told, is known from its event only.
  if (workgroup === undefined || (change.kind === "missed" && !watched)) return keep(record);
  const moved = record ? record.owner !== found.owner || isBack(record) : change.kind === "updated" && change.arrived;
  const reason = reasonOf(situation, change, moved);
  if (reason) return route(situation, reason);
  const seen = record && moved ? leftAlone(located(record, situation)) : record;
  if (isReply(change, found) && rules.disconnectOnReply) return end({ ...situation, record: seen }, "reply");
  return keep(seen);
}

function reasonOf({ record, found, watched, rules }: Situation, change: Change, moved: boolean): RouteReason | undefined {
  const owner = found?.owner ?? "";
  if (change.kind === "email" && change.incoming && rules.onEmail) return "email";
  if (change.kind === "comment" && change.by !== owner && rules.onComment) return "comment";
  if (!record && watched && change.kind === "created" && rules.onNew) return "new";
  if (!record && watched && change.kind === "missed" && rules.onNew) return "missed";
  if (!moved) return undefined;
  if (watched && rules.onQueue) return "queue";
  if (!rules.onOwner) return undefined;
  // Who takes a case, or has answered already, need not be told of it.
  const taken = isPerson(owner) && ((change.kind === "updated" && change.by === owner) || isReply(change, { owner }));
  return taken ? undefined : "owner";
}

/** It was being ended, and is wanted again: reopened, restored, or brought back from an unwatched queue. An agent's reply ends an interaction, not a case. */
function isBack({ ending }: Interaction): boolean {
  return ending !== undefined && ending !== "reply";
}

/** It needs nobody else where it is now. Its interaction ends all the same, but the case stays known. */
function leftAlone(record: Interaction): Interaction {
  return isBack(record) ? { ...record, ending: "reply" } : record;
}

/** The owner's own words are the answer to the customer. */
function isReply(change: Change, { owner }: Pick<CaseFacts, "owner">): boolean {
  if (change.kind === "email") return !change.incoming;
  return change.kind === "comment" && change.by === owner;
}

function route(situation: Situation, reason: RouteReason): Decision {
  const { record } = situation;
  if (record?.state !== "waiting" && record?.state !== "open") return create(situation, reason);
  const { ending: _wantedAgain, ...rest } = relocated(record, situation);
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
    due: now + waitForAnswer(rules, 1),
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

function answered(situation: Situation, answer: Answer): Decision {
  const { record } = situation;
  const { status, interactionId, request } = answer;
  if (status === "created") return created(situation, answer);
  if (!record) return keep(undefined);
  if (status === "failed") return request === undefined || request === record.request ? failed(situation, record) : keep(record);
  const isOther = interactionId !== undefined && interactionId !== record.interactionId;
  if (record.state === "waiting") {
    if (!isOther || record.over?.includes(interactionId)) return keep(record);
    return keep({ ...record, over: [interactionId, ...(record.over ?? [])].slice(0, MOST_OVER) });
  }
  return isOther || record.state === "idle" ? keep(record) : finished(record);
}

function created(situation: Situation, { interactionId: id, request }: Answer): Decision {
  const { record, found, watched, rules, now } = situation;
  const disconnect = (reason: EndReason): Output => ({ kind: "disconnect", reason, ...(id === undefined ? {} : { interactionId: id }) });
  const named = id === undefined ? {} : { interactionId: id };
  if (!record) {
    // What was known of the case is lost, or was not needed any more.
    if (!found || found.isClosed || !watched) return { record, outputs: [disconnect("late")] };
    const adopted = create(situation, "missed").record;
    if (!adopted) return keep(undefined);
    // nobody knows any more which work group it was asked for
    return { ...opened(situation, { ...adopted, ...named }), outputs: [{ kind: "update", reason: "missed", ...named }] };
  }
  if (record.state === "waiting") {
    if (id !== undefined && id === record.interactionId) return keep(record); // repeated, of the interaction before
    if (request !== undefined && request !== record.request) return { record, outputs: [disconnect("late")] };
    if (id !== undefined && record.over?.includes(id)) return overtaken({ ...record, interactionId: id });
    const ending = record.ending ?? doneBy(situation);
    if (ending === undefined) return opened(situation, { ...record, ...named });
    const { over: _over, askedOf: _asked, ...rest } = record;
    return { record: { ...rest, ...named, state: "closing", ending, due: now + rules.answerTimeout }, outputs: [disconnect(ending)] };
  }
  if (id === record.interactionId) return record.state === "open" && !record.marked ? { record, outputs: [], mark: true } : keep(record);
  return { record, outputs: [disconnect(record.state === "open" ? "duplicate" : "late")] };
}

/** Its end came before its beginning. */
function overtaken(record: Interaction): Decision {
  const ended = finished(record);
  return ended.record ? { ...ended, mark: true } : ended;
}

/**
 * Until it is marked its time is kept: should the answer be lost half-way, the case is marked all the same. An update that came before its
 * interaction, as by the queue of another work group, has moved nothing, and one that came after has: where the case is now is said once more.
 */
function opened({ rules, now }: Situation, record: Interaction): Decision {
  const { marked: _marked, over: _over, askedOf, ...rest } = record;
  const { interactionId, workgroup } = rest;
  const named = { ...(interactionId === undefined ? {} : { interactionId }), ...(askedOf === undefined || askedOf === workgroup ? {} : { previousWorkgroup: askedOf }) };
  const outputs: Output[] = askedOf === undefined ? [] : [{ kind: "update", reason: "queue", ...named }];
  return { record: { ...rest, state: "open", due: now + rules.answerTimeout }, outputs, mark: true };
}

function failed({ rules, now }: Situation, record: Interaction): Decision {
  if (record.state !== "waiting") return keep(record);
  if (record.ending !== undefined) return finished(record);
  const delay = Math.min(AFTER_FAILURE * 2 ** (record.attempt - 1), waitForAnswer(rules, record.attempt));
  return { record: { ...record, due: now + delay }, outputs: [], note: `no interaction could be created; it is asked for again in ${delay} ms` };
}

/** Why nobody is to work on the case as the org has it now, also when no event has said so. */
function doneBy({ found, watched }: Situation): EndReason | undefined {
  if (!found) return "deleted";
  if (found.isClosed) return "closed";
  return watched || isPerson(found.owner) ? undefined : "unwatched";
}

/** The time of a request, or of a disconnect, is up. */
function overdue(situation: Situation): Decision {
  const { record, rules, now } = situation;
  if (!record || record.due === undefined || record.due > now) return keep(record);
  if (record.state === "closing") return record.told ? finished(record) : disconnectedAgain(situation, record);
  if (record.state === "open" && !record.marked) return { record: { ...record, due: now + rules.answerTimeout }, outputs: [], mark: true };
  if (record.state !== "waiting") return keep(record);
  const reason = doneBy(situation) ?? record.ending;
  if (reason) return { ...finished({ ...record, ending: reason }), note: `no answer has come, and none is needed any more (${reason})` };
  const attempt = record.attempt + 1;
  const next = { ...relocated(record, situation), attempt, due: now + waitForAnswer(rules, attempt) };
  return { record: next, outputs: [{ kind: "create", reason: record.reason, request: record.request }], note: "no answer has come in time: it is given up and routed again" };
}

/** Whether the disconnect has reached anybody is not known. */
function disconnectedAgain({ rules, now }: Situation, record: Interaction): Decision {
  const { ending: reason = "closed", interactionId } = record;
  const output: Output = { kind: "disconnect", reason, ...(interactionId === undefined ? {} : { interactionId }) };
  return { record: { ...record, due: now + rules.answerTimeout }, outputs: [output] };
}

/** Nothing is open any more. What is known of the case is needed as long as it may come back to its work group. */
function finished(record: Interaction): Decision {
  const { ending, due: _due, told: _told, over: _over, askedOf: _asked, ...rest } = record;
  return keep(ending === undefined || ending === "reply" ? { ...rest, state: "idle" } : undefined);
}

function located(record: Interaction, { found, watched }: Situation): Interaction {
  return { ...record, owner: found?.owner ?? record.owner, queue: watched?.queue ?? record.queue, workgroup: watched?.workgroup ?? record.workgroup };
}

/** As {@link located}; and what was asked for where it was before has to follow. */
function relocated(record: Interaction, situation: Situation): Interaction {
  const next = located(record, situation);
  return record.state === "waiting" && next.workgroup !== record.workgroup ? { ...next, askedOf: record.askedOf ?? record.workgroup } : next;
}

function keep(record: Interaction | undefined): Decision {
  return { record, outputs: [] };
}

/** ms until an answer to this attempt is given up. */
export function waitForAnswer({ answerTimeout }: RoutingRules, attempt: number): number {
  return Math.min(answerTimeout * 2 ** Math.min(attempt - 1, 20), Math.max(LONGEST_WAIT, answerTimeout));
}
