import { type CaseFacts, type Decision, type EndReason, type Happening, type Interaction, isPerson, type Output, type RouteReason, type RoutingRules, type Situation } from "./interaction";

/** Longest wait for an answer, in ms. The wait doubles up to this, as the requests to a contact centre that is away for long would pile up. */
export const LONGEST_WAIT = 3_600_000;
/** ms after which a failed request is made again. Doubles with each attempt, up to the time-out of the request. */
const AFTER_FAILURE = 5_000;
/** How many ended interactions are remembered while one is asked for. */
const MOST_OVER = 8;

/** Decides what to do about a case's interaction: a state machine that uses no clock, store or org, and changes none of its arguments. */
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
  // a missed case of a person is left alone: only an event tells who gave it to that person, and so whether to report it
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
  // a person who takes the case, or has already answered, need not be told of it
  const taken = isPerson(owner) && ((change.kind === "updated" && change.by === owner) || isReply(change, { owner }));
  return taken ? undefined : "owner";
}

/**
 * Whether the case has come back while its interaction was being ended: reopened, restored, or moved back from an unwatched queue. Not after a reply, which
 * ends the interaction but not the case.
 */
function isBack({ ending }: Interaction): boolean {
  return ending !== undefined && ending !== "reply";
}

/** The case needs no new interaction where it is now. If its interaction is being ended, it still ends, but the case stays known (as after a reply). */
function leftAlone(record: Interaction): Interaction {
  return isBack(record) ? { ...record, ending: "reply" } : record;
}

/** Whether a change is an answer to the customer: an e-mail that goes out, or a comment of the case's owner. */
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

/** The case needs no interaction: disconnects an open one; one that was asked for is to be disconnected as soon as it is there. */
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
    // what was known of the case is lost, or was dropped as not needed any more
    if (!found || found.isClosed || !watched) return { record, outputs: [disconnect("late")] };
    const adopted = create(situation, "missed").record;
    if (!adopted) return keep(undefined);
    // tells the work group, as it is not known which one the interaction was asked for
    return { ...opened(situation, { ...adopted, ...named }), outputs: [{ kind: "update", reason: "missed", ...named }] };
  }
  if (record.state === "waiting") {
    if (id !== undefined && id === record.interactionId) return keep(record); // a repeated answer, about the previous interaction
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

/** The answer that the interaction ended has come before the answer that it was created. */
function overtaken(record: Interaction): Decision {
  const ended = finished(record);
  return ended.record ? { ...ended, mark: true } : ended;
}

/**
 * The interaction is there. Its record keeps a time until the case is marked, so that it is marked even if this answer is lost half-way. If the case moved to
 * another work group before this answer, it is not known whether the update about that came before the interaction, and so had no effect: it is sent again.
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

/** Why nobody is to work on the case, by what the org says of it now, even if no event has told so; `undefined` if somebody is to. */
function doneBy({ found, watched }: Situation): EndReason | undefined {
  if (!found) return "deleted";
  if (found.isClosed) return "closed";
  return watched || isPerson(found.owner) ? undefined : "unwatched";
}

/** The time of a record has come: of a request, a mark or a disconnect. */
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

/** Sends the disconnect once more, as it is not known whether it has reached the contact centre. */
function disconnectedAgain({ rules, now }: Situation, record: Interaction): Decision {
  const { ending: reason = "closed", interactionId } = record;
  const output: Output = { kind: "disconnect", reason, ...(interactionId === undefined ? {} : { interactionId }) };
  return { record: { ...record, due: now + rules.answerTimeout }, outputs: [output] };
}

/** The interaction has ended. The record is kept if the case is still open, as it may be routed again; otherwise nothing is kept. */
function finished(record: Interaction): Decision {
  const { ending, due: _due, told: _told, over: _over, askedOf: _asked, ...rest } = record;
  return keep(ending === undefined || ending === "reply" ? { ...rest, state: "idle" } : undefined);
}

/** The record with the case's present owner, queue and work group. */
function located(record: Interaction, { found, watched }: Situation): Interaction {
  return { ...record, owner: found?.owner ?? record.owner, queue: watched?.queue ?? record.queue, workgroup: watched?.workgroup ?? record.workgroup };
}

/** As {@link located}. If the case changes its work group while an interaction is asked for, also notes the one that it was asked for. */
function relocated(record: Interaction, situation: Situation): Interaction {
  const next = located(record, situation);
  return record.state === "waiting" && next.workgroup !== record.workgroup ? { ...next, askedOf: record.askedOf ?? record.workgroup } : next;
}

function keep(record: Interaction | undefined): Decision {
  return { record, outputs: [] };
}

/** How many ms an answer to this attempt is waited for. @param attempt from 1 */
export function waitForAnswer({ answerTimeout }: RoutingRules, attempt: number): number {
  return Math.min(answerTimeout * 2 ** Math.min(attempt - 1, 20), Math.max(LONGEST_WAIT, answerTimeout));
}
