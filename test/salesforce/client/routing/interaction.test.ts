import assert from "node:assert/strict";
import { decide, LONGEST_WAIT } from "../../../../nodes/salesforce/client/routing/decide";
import type { Decision, Happening, Interaction, RoutingRules, Situation } from "../../../../nodes/salesforce/client/routing/interaction";

const NOW = 1_000_000;
const TIMEOUT = 300_000;
const RULES: RoutingRules = { onNew: true, onOwner: true, onQueue: true, onComment: true, onEmail: true, disconnectOnReply: true, answerTimeout: TIMEOUT };
const [PUMPS, VALVES, OTHERS, ANN, BOB] = ["00Gpumps", "00Gvalves", "00Gothers", "005ann", "005bob"];
const WATCHED: Record<string, { queue: string; workgroup: string }> = { [PUMPS]: { queue: "Pumps", workgroup: "wg.pumps" }, [VALVES]: { queue: "Valves", workgroup: "wg.valves" } };

const waiting: Interaction = { state: "waiting", owner: PUMPS, queue: "Pumps", workgroup: "wg.pumps", request: "r0", attempt: 1, reason: "new", due: NOW + TIMEOUT, handled: [] };
const open: Interaction = { ...without(waiting, "due"), state: "open", interactionId: "I1", marked: true };
const taken: Interaction = { ...open, owner: ANN };
const idle: Interaction = { ...open, state: "idle", owner: ANN };
const closing: Interaction = { ...open, state: "closing", ending: "reply", due: NOW + TIMEOUT };

function without<T extends object, K extends keyof T>(value: T, ...names: K[]): Omit<T, K> {
  const rest = { ...value };
  for (const name of names) delete rest[name];
  return rest;
}

function situation(record: Interaction | undefined, owner: string | undefined, more: { isClosed?: boolean; rules?: Partial<RoutingRules>; now?: number } = {}): Situation {
  const { isClosed = false, rules, now = NOW } = more;
  return { record, found: owner === undefined ? undefined : { owner, isClosed }, watched: WATCHED[owner ?? ""], rules: { ...RULES, ...rules }, now, newRequest: () => "r1" };
}

const updated = (arrived: boolean, by?: string): Happening => ({ kind: "updated", arrived, ...(by === undefined ? {} : { by }) });
const comment = (by: string): Happening => ({ kind: "comment", by });
const email = (incoming: boolean): Happening => ({ kind: "email", incoming });
const answer = (status: "created" | "failed" | "ended", interactionId?: string, request?: string): Happening => ({
  kind: "answer",
  status,
  ...(interactionId === undefined ? {} : { interactionId }),
  ...(request === undefined ? {} : { request }),
});

/** What a decision comes to, in a few words. */
function brief({ record, outputs, mark }: Decision): string {
  const said = outputs.map(({ kind, reason, interactionId, previousWorkgroup }) => [kind, reason, interactionId, previousWorkgroup && `from ${previousWorkgroup}`].filter(Boolean).join(" "));
  return [...said, record ? record.state + (record.ending && record.state === "waiting" ? ` (${record.ending})` : "") : "nothing", ...(mark ? ["mark"] : [])].join(" → ");
}

type Row = [sentence: string, situation: Situation, happening: Happening, expected: string];

const TABLE: Row[] = [
  ["a new case in a watched queue is routed", situation(undefined, PUMPS), { kind: "created" }, "create new → waiting"],
  ["a new case elsewhere is not", situation(undefined, OTHERS), { kind: "created" }, "nothing"],
  ["a new case that a person owns is not", situation(undefined, ANN), { kind: "created" }, "nothing"],
  ["a new case that is closed already is not", situation(undefined, PUMPS, { isClosed: true }), { kind: "created" }, "nothing"],
  ["a new case is not when that rule is off", situation(undefined, PUMPS, { rules: { onNew: false } }), { kind: "created" }, "nothing"],
  ["a case that came to a watched queue is routed", situation(undefined, PUMPS), updated(true), "create queue → waiting"],
  ["a case in a watched queue that changed in something else is not", situation(undefined, PUMPS), updated(false), "nothing"],
  ["with the queue rule off a change of owner still counts", situation(undefined, PUMPS, { rules: { onQueue: false } }), updated(true), "create owner → waiting"],
  ["with both rules off it does not", situation(undefined, PUMPS, { rules: { onQueue: false, onOwner: false } }), updated(true), "nothing"],
  ["a known case given to another person is routed to its work group", situation(idle, BOB), updated(true, ANN), "create owner → waiting"],
  ["who takes a case need not be told", situation({ ...idle, owner: PUMPS }, BOB), updated(true, BOB), "idle"],
  ["with the owner rule off a person's case is left alone", situation(idle, BOB, { rules: { onOwner: false } }), updated(true, ANN), "idle"],
  ["somebody else's comment routes a case", situation(undefined, PUMPS), comment(ANN), "create comment → waiting"],
  ["so it does when a person owns the case", situation(idle, ANN), comment(BOB), "create comment → waiting"],
  ["but not when nobody knows its work group", situation(undefined, ANN), comment(BOB), "nothing"],
  ["nor with the rule off", situation(idle, ANN, { rules: { onComment: false } }), comment(BOB), "idle"],
  ["a customer's e-mail routes a case", situation(idle, ANN), email(true), "create email → waiting"],
  ["but not with the rule off", situation(idle, ANN, { rules: { onEmail: false } }), email(true), "idle"],
  ["a case in an unwatched queue is not routed by it", situation(undefined, OTHERS), email(true), "nothing"],
  ["a case that was missed is routed", situation(undefined, PUMPS), { kind: "missed" }, "create missed → waiting"],
  ["a case that was missed is not when it has an interaction", situation(open, PUMPS), { kind: "missed" }, "open"],
  ["nor when it was dealt with where it is", situation({ ...idle, owner: PUMPS }, PUMPS), { kind: "missed" }, "idle"],
  ["nor when new cases are not to be routed", situation(undefined, PUMPS, { rules: { onNew: false } }), { kind: "missed" }, "nothing"],
  ["nor when a person has got it, which its own event tells of", situation({ ...idle, owner: PUMPS }, ANN), { kind: "missed" }, "idle"],
  ["a closed case that was missed is disconnected", situation(open, PUMPS, { isClosed: true }), { kind: "missed" }, "disconnect closed I1 → closing"],
  ["a case that was missed is routed when it has come back since", situation(idle, PUMPS), { kind: "missed" }, "create queue → waiting"],

  ["while an interaction is asked for there is no second one", situation(waiting, PUMPS), email(true), "update email → waiting"],
  ["while it is open there is no second one", situation(open, PUMPS), email(true), "update email I1 → open"],
  ["the event of a new case that was routed already is nothing new", situation(waiting, PUMPS), { kind: "created" }, "waiting"],
  ["an open one moves to the work group of the new queue", situation(open, VALVES), updated(true), "update queue I1 from wg.pumps → open"],
  ["the agent who takes the case leaves it open", situation(open, ANN), updated(true, ANN), "open"],
  ["a supervisor who gives it to somebody is told of", situation(taken, BOB), updated(true, ANN), "update owner I1 → open"],
  ["what was seen of the owner counts once", situation(taken, ANN), updated(true, BOB), "open"],

  ["a case in an unwatched queue closes it", situation(open, OTHERS), updated(true), "disconnect unwatched I1 → closing"],
  ["an agent's e-mail closes it", situation(taken, ANN), email(false), "disconnect reply I1 → closing"],
  ["an owner's comment closes it", situation(taken, ANN), comment(ANN), "disconnect reply I1 → closing"],
  ["so does the comment of one who has just taken the case", situation(open, ANN), comment(ANN), "disconnect reply I1 → closing"],
  ["neither does while disconnect on reply is off", situation(taken, ANN, { rules: { disconnectOnReply: false } }), email(false), "open"],
  ["a closed case closes it", situation(taken, ANN, { isClosed: true }), updated(false), "disconnect closed I1 → closing"],
  ["a deleted case closes it", situation(open, undefined), { kind: "deleted" }, "disconnect deleted I1 → closing"],
  ["an interaction that is only asked for is closed when it is there", situation(waiting, OTHERS), updated(true), "waiting (unwatched)"],
  ["namely then", situation({ ...waiting, ending: "unwatched" }, OTHERS), answer("created", "I1"), "disconnect unwatched I1 → closing"],
  ["unless the case needs it again", situation({ ...waiting, ending: "reply" }, PUMPS), email(true), "update email → waiting"],
  ["a closed case that has none is forgotten", situation(idle, ANN, { isClosed: true }), updated(false), "nothing"],
  ["a case that is reopened while its interaction is disconnected gets another", situation({ ...closing, owner: PUMPS, ending: "closed" }, PUMPS), updated(true, ANN), "create queue → waiting"],
  ["so does one that is restored", situation({ ...closing, owner: PUMPS, ending: "deleted" }, PUMPS), { kind: "created" }, "create queue → waiting"],
  ["one that is reopened before its interaction is there keeps it", situation({ ...waiting, ending: "closed" }, PUMPS), updated(true, ANN), "update queue → waiting"],
  ["the agent who reopens a case of his own need not be told", situation({ ...closing, owner: ANN, ending: "closed" }, ANN), updated(true, ANN), "closing"],
  ["and his case stays known", situation({ ...waiting, owner: ANN, ending: "closed" }, ANN), updated(true, ANN), "waiting (reply)"],
  ["but he whose case somebody else reopens", situation({ ...closing, owner: ANN, ending: "closed" }, ANN), updated(true, BOB), "create owner → waiting"],
  ["closing is told once", situation({ ...closing, ending: "closed" }, ANN, { isClosed: true }), updated(false), "closing"],
  ["a customer who answers at once gets another interaction", situation(closing, ANN), email(true), "create email → waiting"],

  ["the answer opens it and marks the case", situation(waiting, PUMPS), answer("created", "I1"), "open → mark"],
  ["and moves it where the case has gone meanwhile, for the update may have come before it", situation({ ...waiting, askedOf: "wg.valves" }, PUMPS), answer("created", "I1"), "update queue I1 from wg.valves → open → mark"],
  ["and leaves it where the case has come back, for what moved it away may come last", situation({ ...waiting, askedOf: "wg.pumps" }, PUMPS), answer("created", "I1"), "update queue I1 → open → mark"],
  ["the same answer again does nothing", situation(open, PUMPS), answer("created", "I1"), "open"],
  ["but mark what is not marked", situation(without(open, "marked") as Interaction, PUMPS), answer("created", "I1"), "open → mark"],
  ["a second interaction is disconnected", situation(open, PUMPS), answer("created", "I2"), "disconnect duplicate I2 → open"],
  ["a late one is disconnected", situation(idle, ANN), answer("created", "I2"), "disconnect late I2 → idle"],
  ["the late repeat of an answer is not", situation(idle, ANN), answer("created", "I1"), "idle"],
  ["nor is it taken for the answer to the next request", situation({ ...waiting, interactionId: "I1" }, PUMPS), answer("created", "I1"), "waiting"],
  ["one that nobody knows of is adopted where the case needs it, and told which work group that is", situation(undefined, PUMPS), answer("created", "I1"), "update missed I1 → open → mark"],
  ["and disconnected where not", situation(undefined, PUMPS, { isClosed: true }), answer("created", "I1"), "disconnect late I1 → nothing"],
  ["an interaction that ended leaves the case to its owner", situation(taken, ANN), answer("ended", "I1"), "idle"],
  ["the end of another one does not", situation(taken, ANN), answer("ended", "I0"), "open"],
  ["the end of the one before does not end the next", situation({ ...waiting, interactionId: "I1" }, PUMPS), answer("ended", "I1"), "waiting"],
  ["the end of another does not end what is asked for", situation({ ...waiting, interactionId: "I1" }, PUMPS), answer("ended", "I2"), "waiting"],
  ["whose answer opens it all the same", situation({ ...waiting, interactionId: "I1", over: ["I2"] }, PUMPS), answer("created", "I3"), "open → mark"],
  ["an end that overtakes its beginning is the end", situation({ ...waiting, over: ["I1"] }, PUMPS), answer("created", "I1"), "idle → mark"],
  ["an answer to another request is not taken for this one's", situation(waiting, PUMPS), answer("created", "I1", "r-before"), "disconnect late I1 → waiting"],
  ["one that names this request is", situation(waiting, PUMPS), answer("created", "I1", "r0"), "open → mark"],
  ["what is disconnected is forgotten when the case is gone", situation({ ...closing, ending: "closed" }, ANN, { isClosed: true }), answer("ended", "I1"), "nothing"],
  ["and known when it is not", situation(closing, ANN), answer("ended", "I1"), "idle"],
  ["a failed request waits for the next try", situation(waiting, PUMPS), answer("failed"), "waiting"],
  ["a failed request that nobody needs any more is forgotten", situation({ ...waiting, ending: "closed" }, PUMPS), answer("failed"), "nothing"],

  ["a request in time is not given up", situation(waiting, PUMPS), { kind: "due" }, "waiting"],
  ["a request without an answer is given up and made again", situation(waiting, PUMPS, { now: NOW + TIMEOUT }), { kind: "due" }, "create new → waiting"],
  ["but not for a case that is closed meanwhile", situation(waiting, PUMPS, { now: NOW + TIMEOUT, isClosed: true }), { kind: "due" }, "nothing"],
  ["nor for one that an agent has answered", situation({ ...waiting, ending: "reply" }, ANN, { now: NOW + TIMEOUT }), { kind: "due" }, "idle"],
  ["nor for one that was moved away", situation(waiting, OTHERS, { now: NOW + TIMEOUT }), { kind: "due" }, "nothing"],
  ["a case whose mark was cut off is marked when its time is up", situation({ ...without(open, "marked"), due: NOW } as Interaction, PUMPS), { kind: "due" }, "open → mark"],
  ["a disconnect that may have reached nobody is said once more", situation(closing, ANN, { now: NOW + TIMEOUT }), { kind: "due" }, "disconnect reply I1 → closing"],
  ["after that it is taken for done", situation({ ...closing, told: true }, ANN, { now: NOW + TIMEOUT }), { kind: "due" }, "idle"],
];

describe("the interaction of a case", () => {
  for (const [sentence, given, happening, expected] of TABLE) {
    it(sentence, () => {
      const frozen = structuredClone(given.record);
      assert.equal(brief(decide(given, happening)), expected);
      assert.deepEqual(given.record, frozen, "it changes nothing it is given");
    });
  }

  it("waits longer with each attempt, up to an hour", () => {
    const dues: number[] = [];
    let record: Interaction = waiting;
    for (let attempt = 2; attempt <= 7; attempt += 1) {
      const now: number = record.due ?? 0;
      record = decide(situation(record, PUMPS, { now }), { kind: "due" }).record as Interaction;
      assert.equal(record.attempt, attempt);
      dues.push((record.due ?? 0) - now);
    }
    assert.deepEqual(dues, [2, 4, 8, LONGEST_WAIT / TIMEOUT, LONGEST_WAIT / TIMEOUT, LONGEST_WAIT / TIMEOUT].map((times) => times * TIMEOUT));
  });

  it("keeps the name of a request when it is made again, and gives the next interaction another", () => {
    const again = decide(situation(waiting, PUMPS, { now: NOW + TIMEOUT }), { kind: "due" });
    assert.deepEqual([again.record?.request, again.outputs[0]?.request], ["r0", "r0"]);
    assert.equal(decide(situation(idle, ANN), email(true)).record?.request, "r1");
  });

  it("ends in no state with two interactions, whatever comes in whatever order", () => {
    const happenings: Happening[] = [
      { kind: "created" }, updated(true), updated(false), comment(ANN), comment(BOB), email(true), email(false), { kind: "missed" }, { kind: "due" },
      answer("created", "A"), answer("created", "B"), answer("failed"), answer("ended", "A"), answer("ended", "B"), { kind: "deleted" },
    ];
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
    for (let run = 0; run < 300; run += 1) {
      let record: Interaction | undefined;
      const live = new Set<string>();
      let now = NOW;
      for (let step = 0; step < 40; step += 1) {
        now += random(TIMEOUT);
        const happening = pick(happenings);
        const over = record?.over ?? [];
        const { record: next, outputs } = decide(situation(record, pick([PUMPS, VALVES, OTHERS, ANN, undefined]), { now, isClosed: random(8) === 0 }), happening);
        if (happening.kind === "answer" && happening.status === "created" && happening.interactionId !== record?.interactionId && !over.includes(happening.interactionId ?? "")) live.add(happening.interactionId ?? "");
        if (happening.kind === "answer" && happening.status === "ended") live.delete(happening.interactionId ?? "");
        for (const { kind, interactionId = "" } of outputs) if (kind === "disconnect") live.delete(interactionId);
        record = next;
        if (record?.state === "open") live.delete(record.interactionId ?? "");
        if (record?.state !== "waiting") assert.deepEqual([...live], [], `run ${run}, step ${step}: nobody looks after these`);
        live.clear();
      }
    }
  });
});
