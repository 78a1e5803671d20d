import { systemClock, type Clock } from "../../../common/clock";
import { type ConnectorError, toConnectorError } from "../../../common/errors";
import type { FencedValue } from "../../../common/store";
import type { ItemResult } from "../../../delivery/sink/sink-options";
import { afterFlow, type Ending, type TokenState, withoutDisconnect, withoutDone } from "./after-flow";
import type { CaseMarker } from "./case-marker";
import type { Agent, CaseReader, CaseRead } from "./case-reader";
import type { CaseRecords, Change } from "./case-records";
import { DecidedAgain } from "./decided-again";
import { type Happening, type Interaction, isPerson, type RoutingRules } from "./interaction";
import { OwedOutputs } from "./owed";
import { makeOutgoing, type Outgoing } from "./outgoing";
import type { Signal } from "./signal";
import { readSkills } from "./skills";
import { markValues, remember, type Step, stepsOf, withAuthor } from "./steps";
import type { QueueRoute, WatchedQueues } from "./watched-queues";

/** What a {@link CaseRouter} needs. */
export interface CaseRouterOptions {
  reader: CaseReader;
  records: CaseRecords;
  marker: CaseMarker;
  queues: WatchedQueues;
  rules: RoutingRules;
  /** Name of the skills field, for errors. */
  skillsField: string;
  /** Whether a case goes to its work group even when a person owns it: messages then name no agent. */
  directToQueue: boolean;
  /** Whether cases are marked. */
  marks: boolean;
  tokenState(token: string): TokenState;
  /** Whether other instances may work on the same cases. */
  shared: boolean;
  /** Whether no other instance works on cases. If so, a message that another process had in its flow is lost. */
  isAlone(): boolean;
  /** Makes the name of a new request. */
  newRequest(): string;
  /** Tells the operator something. */
  note(text: string): void;
  /** Default: the machine's. */
  clock?: Pick<Clock, "now">;
}

/** A message that came in. It must be the same object at every try. */
export interface RouteItem {
  signal: Signal;
  /** The message, from which the values of marks are taken. */
  msg: object;
  /** Token of the delivery it belongs to. */
  token?: string;
  /** What was decided at an earlier try, by case. */
  steps: Map<string, Step>;
}

/** The messages that a message has led to. */
export interface Routed {
  outgoing: Outgoing[];
  /** The error of a case that failed, while others of the same message did not. */
  error?: ConnectorError;
}

/** What is known when a decision is made. */
interface Known {
  watched: ReadonlyMap<string, QueueRoute>;
  cases: Map<string, CaseRead>;
  /** What was kept of the case before the org was asked. */
  kept: FencedValue | undefined;
}

type Decided = NonNullable<Step["done"]> & { marks: boolean; note?: string };

/** The record without its time. */
function withoutTime({ due: _due, ...record }: Interaction): Interaction {
  return record;
}

function markedNow(record: Interaction): Interaction {
  return { ...withoutTime(record), marked: true };
}

/** Routes cases: reads them, decides, keeps their state, and marks them. A decision that was made is not taken back: a retry of the message goes on from there. */
export class CaseRouter {
  private readonly clock: Pick<Clock, "now">;
  private readonly owed: OwedOutputs;
  private readonly decisions: DecidedAgain;

  constructor(private readonly options: CaseRouterOptions) {
    const { records, tokenState, rules, isAlone, clock = systemClock } = options;
    this.clock = clock;
    this.owed = new OwedOutputs({ records, tokenState, isLost: (token) => this.decisions.isLost(token), wait: rules.answerTimeout, clock });
    this.decisions = new DecidedAgain({ owed: this.owed, tokenState, isAlone });
  }

  /** Works on messages that came in. No two of them may be about the same case. @throws ConnectorError of scope `system` when none could be worked on */
  async write(items: RouteItem[]): Promise<ItemResult<Routed>[]> {
    await this.resolve(items);
    const steps = items.flatMap((item) => [...item.steps.values()].map((step) => ({ item, step })));
    const cases = await this.work(steps);
    return Promise.all(items.map((item) => this.resultOf(item, cases)));
  }

  /**
   * Looks at cases of its own accord: those whose time has come, or that no signal told of. Errors are only noted, as the case's time comes again.
   *
   * @throws ConnectorError of scope `system` when a case that no signal told of could not be looked at, as that has no time which comes again
   */
  async look(caseIds: readonly string[], happening: Extract<Happening, { kind: "due" | "missed" }>): Promise<Outgoing[]> {
    const steps = caseIds.map((caseId): Step => ({ caseId, happening }));
    const cases = await this.work(steps.map((step) => ({ step, item: undefined })));
    await Promise.all(steps.map((step) => this.failedAlone(step, cases.get(step.caseId))));
    try {
      const away = happening.kind === "missed" ? steps.find(({ error }) => error?.scope === "system")?.error : undefined;
      if (away) throw away;
      return await this.outgoing(steps, cases);
    } catch (error) {
      // what was decided about other cases is sent at the next look
      await Promise.all(messagesOf(steps, cases, new Map()).map((one) => this.settled(one, "given back")));
      throw error;
    }
  }

  /** Open cases of watched queues that have no interaction and are not marked, page by page. */
  async *missed(): AsyncGenerator<string[]> {
    const { reader, queues } = this.options;
    for await (const page of reader.openCases([...(await queues.byId()).keys()])) {
      yield page.flatMap(({ snapshot, marked }) => (marked ? [] : snapshot.id));
    }
  }

  /** To be called when a message that the node sent of its own accord has ended. */
  async settled(one: Outgoing, ending: Ending): Promise<void> {
    await this.options.records.change(one.caseId, (record) => ({ record: afterFlow(record, one, ending, this.options.rules, this.clock.now()), result: undefined }));
  }

  /** Looks what became of messages in the flow; to be called from time to time, see {@link OwedOutputs.tend}. @throws ConnectorError `STORE_UNAVAILABLE` */
  tend(): Promise<void> {
    return this.owed.tend();
  }

  /** A case failed that no message belongs to: notes the error if it is about the case, and looks at the case again after a while. */
  private async failedAlone({ caseId, error }: Step, read: CaseRead | undefined): Promise<void> {
    if (!error || error.scope === "system") return;
    this.options.note(`Case ${read?.snapshot.number ?? caseId} is not routed: ${error.message}`);
    const due = this.clock.now() + this.options.rules.answerTimeout;
    await this.options.records.change(caseId, (record) => {
      // no further try to mark it, as the org would refuse that again
      if (record?.state === "open") return { record: withoutTime(record), result: undefined };
      return { record: record?.due === undefined ? record : { ...record, due }, result: undefined };
    });
  }

  /** Finds out which cases each message is about, and makes their steps. */
  private async resolve(items: readonly RouteItem[]): Promise<void> {
    const wanted = { CaseComment: new Set<string>(), EmailMessage: new Set<string>() };
    for (const { signal } of items) {
      if (signal.about === "comments" && (signal.caseId === undefined || signal.by === undefined)) for (const id of signal.ids) wanted.CaseComment.add(id);
      if (signal.about === "emails" && (signal.caseId === undefined || signal.incoming === undefined)) for (const id of signal.ids) wanted.EmailMessage.add(id);
    }
    const { reader } = this.options;
    const [comments, emails] = await Promise.all([reader.children("CaseComment", [...wanted.CaseComment]), reader.children("EmailMessage", [...wanted.EmailMessage])]);
    for (const item of items) {
      if (item.steps.size > 0) continue;
      for (const step of stepsOf(item.signal, comments, emails)) {
        const other = item.steps.get(step.caseId)?.happening;
        // when an event names several e-mails of one case, the customer's counts
        if (!other || (other.kind === "email" && !other.incoming)) item.steps.set(step.caseId, step);
      }
    }
  }

  /** Decides each step that was not decided before, then marks cases. @returns the cases as the org has them now */
  private async work(all: readonly { step: Step; item: RouteItem | undefined }[]): Promise<Map<string, CaseRead>> {
    const { reader, queues, records } = this.options;
    if (all.length === 0) return new Map();
    const ids = [...new Set(all.map(({ step }) => step.caseId))];
    // read before the org is asked: an instance that asked the org later, and has decided since, knows better
    const kept = new Map(await Promise.all(ids.map(async (id) => [id, await records.read(id)] as const)));
    const watched = await queues.byId(); // before the cases: usually known, and when they cannot be had, reading cases would be wasted calls
    const cases = await reader.cases(ids);
    await Promise.all(
      all.map(async ({ step, item }) => {
        if (step.done) return;
        delete step.error;
        try {
          await this.decide(step, item, { watched, cases, kept: kept.get(step.caseId) });
        } catch (error) {
          step.error = toConnectorError(error);
        }
      }),
    );
    await this.mark(all.map(({ step }) => step).filter(({ mark }) => mark !== undefined));
    return cases;
  }

  private async decide(step: Step, item: RouteItem | undefined, { watched, cases, kept }: Known): Promise<void> {
    const { records, rules, newRequest, marks, shared } = this.options;
    const { caseId, cause } = step;
    const token = item?.token;
    const change: Change<Decided> = (record) => {
      const read = cases.get(caseId);
      const happening = withAuthor(step.happening, read);
      const repeat = cause === undefined ? undefined : record?.handled.find((one) => one.cause === cause);
      const found = read && { owner: read.snapshot.ownerId, isClosed: read.snapshot.isClosed };
      const situation = { record, found, watched: watched.get(found?.owner ?? ""), rules, now: this.clock.now(), newRequest };
      const decision = repeat && record ? this.decisions.repeated(record, repeat, token) : this.decisions.decide(situation, happening);
      const skills = this.skillsOf(read, decision.outputs.some(({ kind }) => kind !== "disconnect"));
      let { outputs } = decision;
      let next = decision.record ? this.owed.apart(record, decision.record) : this.owed.left(record);
      if (next && happening.kind === "answer" && happening.status === "ended") next = withoutDisconnect(next, happening.interactionId);
      if (!repeat && next && cause !== undefined && decision.outputs.length > 0) next = { ...next, handled: remember(next.handled, { cause, outputs: decision.outputs, ...(token === undefined ? {} : { token }) }) };
      if (next && next !== record) next = { ...next, handled: withoutDone(next.handled, this.options.tokenState, record ?? next, this.clock.now()) };
      if (next && next !== record && shared && token !== undefined) next = this.owed.owe(next, token);
      if (next && !item) ({ record: next, outputs } = this.owed.own(next, outputs));
      const marksNow = decision.mark === true || (repeat !== undefined && next?.state === "open" && !next.marked && happening.kind === "answer");
      if (marksNow && !marks && next) next = markedNow(next);
      return { record: next, result: { outputs, record: next ?? record, skills, marks: marksNow && marks, ...(decision.note ? { note: decision.note } : {}) } };
    };
    const decided = await records.change(caseId, change, { kept, again: () => this.readAgain(caseId, cases) });
    const read = cases.get(caseId);
    step.done = decided;
    this.owed.follow(caseId, decided.record);
    const served = watched.get(read?.snapshot.ownerId ?? "");
    step.fallback = { queue: served?.queue ?? "", workgroup: step.workgroup ?? served?.workgroup ?? "" };
    if (decided.note) this.options.note(`Case ${read?.snapshot.number ?? caseId}: ${decided.note}`);
    if (decided.marks) step.mark = { caseId, msg: { ...item?.msg, routing: markValues(caseId, decided.record, decided.skills, read, this.clock.now()) } };
  }

  private async readAgain(caseId: string, cases: Map<string, CaseRead>): Promise<void> {
    const read = (await this.options.reader.cases([caseId])).get(caseId);
    if (read) cases.set(caseId, read);
    else cases.delete(caseId);
  }

  private skillsOf(read: CaseRead | undefined, needed: boolean): string[] {
    try {
      return readSkills(read?.skills, this.options.skillsField);
    } catch (error) {
      if (needed) throw error;
      return [];
    }
  }

  private async mark(steps: readonly Step[]): Promise<void> {
    const marks = steps.flatMap(({ mark }) => mark ?? []);
    const errors = await this.options.marker.mark(marks);
    await Promise.all(
      steps.map(async (step, index) => {
        delete step.error;
        const error = errors[index];
        if (error) {
          step.error = error;
          return;
        }
        try {
          const { interactionId } = step.done?.record ?? {};
          await this.options.records.change(step.caseId, (record) => {
            const same = record?.state === "open" && record.interactionId === interactionId;
            return { record: same ? markedNow(record) : record, result: undefined };
          });
          delete step.mark;
        } catch (thrown) {
          step.error = toConnectorError(thrown);
        }
      }),
    );
  }

  private async resultOf(item: RouteItem, cases: ReadonlyMap<string, CaseRead>): Promise<ItemResult<Routed>> {
    const steps = [...item.steps.values()];
    const errors = steps.flatMap(({ error }) => error ?? []);
    const away = errors.find(({ scope }) => scope === "system");
    if (away) return { ok: false, error: away };
    const [error] = errors;
    if (error && steps.every((step) => !step.done)) return { ok: false, error };
    try {
      return { ok: true, value: { outgoing: await this.outgoing(steps, cases), ...(error ? { error } : {}) } };
    } catch (thrown) {
      return { ok: false, error: toConnectorError(thrown) };
    }
  }

  private async outgoing(steps: readonly Step[], cases: ReadonlyMap<string, CaseRead>): Promise<Outgoing[]> {
    const owners = steps.filter(({ done }) => done?.outputs.some(({ kind }) => kind !== "disconnect")).map(({ caseId }) => cases.get(caseId)?.snapshot.ownerId ?? "");
    const people = this.options.directToQueue ? [] : [...new Set(owners.filter(isPerson))];
    const agents = await this.options.reader.agents(people);
    return messagesOf(steps, cases, agents);
  }
}

function messagesOf(steps: readonly Step[], cases: ReadonlyMap<string, CaseRead>, agents: ReadonlyMap<string, Agent>): Outgoing[] {
  return steps.flatMap(({ caseId, done, fallback }) => {
    const snapshot = cases.get(caseId)?.snapshot;
    const agent = agents.get(snapshot?.ownerId ?? "");
    const parts = { caseId, record: done?.record, snapshot, skills: done?.skills ?? [], agent, fallback: fallback ?? { queue: "", workgroup: "" } };
    return (done?.outputs ?? []).map((output) => makeOutgoing({ ...parts, output }));
  });
}
