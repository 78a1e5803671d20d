import { MemoryStore } from "../../../../nodes/common/memory-store";
import type { SharedStore } from "../../../../nodes/common/store";
import type { TokenState } from "../../../../nodes/salesforce/client/routing/after-flow";
import type { Mark } from "../../../../nodes/salesforce/client/routing/case-marker";
import type { CaseRead } from "../../../../nodes/salesforce/client/routing/case-reader";
import { CaseRecords } from "../../../../nodes/salesforce/client/routing/case-records";
import { CaseRouter, type CaseRouterOptions, type RouteItem } from "../../../../nodes/salesforce/client/routing/case-router";
import type { Outgoing } from "../../../../nodes/salesforce/client/routing/outgoing";
import { readSignal } from "../../../../nodes/salesforce/client/routing/signal";
import { seededRandom } from "../../../flows/random-flow";

const [PUMPS, VALVES, OTHERS, ANN, BOB] = ["00G000000000001AAA", "00G000000000002AAA", "00G000000000003AAA", "005000000000001AAA", "005000000000002AAA"] as const;
const WATCHED = new Map([[PUMPS, { queue: "Pumps", workgroup: "pumps" }], [VALVES, { queue: "Valves", workgroup: "valves" }]] as const) as ReadonlyMap<string, { queue: string; workgroup: string }>;
const RULES = { onNew: true, onOwner: true, onQueue: true, onComment: true, onEmail: true, disconnectOnReply: true, answerTimeout: 300_000 };

interface Case { owner: string; isClosed: boolean; isDeleted: boolean }
/** An event or an answer, given until it is settled. */
interface Letter { msg: { payload: object; salesforce?: object }; caseId: string; takenBy?: Process | undefined }
interface Flowing { out: Outgoing[]; letter?: Letter; token?: string }

/** An org, a contact centre, and processes on one store that are stopped and killed at any step: the same with each run of a seed. */
export class RandomWorld {
  readonly random: () => number;
  readonly cases = new Map<string, Case>();
  /** Of the contact centre, by request. */
  readonly interactions = new Map<string, { id: string; caseId: string; live: boolean; workgroup: string }>();
  readonly store = new MemoryStore();
  readonly letters: Letter[] = [];
  processes: Process[];
  leader: Process;
  now = 1_000_000;
  requests = 0;
  tokens = 0;
  /** Steps of processes that wait for their turn. */
  private gates: { of: Process; open: () => void }[] = [];
  private causes = 0;

  /** @param movesOnly cases go to and fro between watched queues, and nothing else happens to them */
  constructor(seed: number, private readonly count: number, private readonly movesOnly = false) {
    this.random = seededRandom(seed);
    this.processes = Array.from({ length: count }, () => new Process(this));
    this.leader = this.processes[0] as Process;
  }

  get isShared(): boolean {
    return this.count > 1;
  }

  /** A process waits until it is its turn; for ever when it is killed. */
  turn(of: Process): Promise<void> {
    return new Promise((open) => this.gates.push({ of, open }));
  }

  /** Lets so many things happen. */
  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) await this.step(this.random(), this.pick(this.processes) as Process);
  }

  /** Nothing happens any more but what is still to be done. */
  async calmDown(): Promise<void> {
    for (let round = 0; round < 12; round += 1) {
      await this.settle();
      this.now += 3_700_000;
      for (const each of this.processes) void each.router.tend();
      await this.settle();
      this.lead();
      this.leader.look();
    }
    await this.settle();
  }

  /** Interactions of a case that are there. */
  liveOf(caseId: string): string[] {
    return [...this.interactions.values()].flatMap((one) => (one.live && one.caseId === caseId ? one.id : []));
  }

  /** The work groups of interactions that are there and with another than that of the queue which owns their case. */
  astray(): string[] {
    return [...this.interactions.values()].flatMap(({ id, caseId, live, workgroup }) => {
      const due = WATCHED.get(this.cases.get(caseId)?.owner as never)?.workgroup;
      return !live || due === undefined || workgroup === due ? [] : `${id} of ${caseId} is with ${workgroup}, not with ${due}`;
    });
  }

  /** Whether nobody is to work on the case. */
  isDone({ owner, isClosed, isDeleted }: Case): boolean {
    return isClosed || isDeleted || owner === OTHERS;
  }

  /** The contact centre takes a request. */
  take({ action, request = "", interactionId, workgroup, case: { id: caseId } }: Outgoing["payload"]): void {
    const answer = (status: string, about: object): number => this.letters.push({ caseId, msg: { payload: { caseId, status, ...about } } });
    if (action === "create") {
      const found = this.interactions.get(request) ?? { id: `I${this.interactions.size}`, caseId, live: true, workgroup };
      this.interactions.set(request, found);
      answer("created", { interactionId: found.id, request });
      if (!found.live) answer("ended", { interactionId: found.id });
    }
    if (action === "update") for (const one of this.interactions.values()) if (one.id === interactionId || this.interactions.get(request) === one) one.workgroup = workgroup;
    if (action !== "disconnect") return;
    for (const one of this.interactions.values()) if (one.id === interactionId) one.live = false;
    answer("ended", { interactionId });
  }

  private async step(chance: number, one: Process): Promise<void> {
    if (chance < 0.08) this.change();
    else if (chance < 0.2) one.takeOne(this.pick(this.letters.filter(({ takenBy, caseId }) => !takenBy && !one.busy.has(caseId))));
    else if (chance < 0.3) one.reach();
    else if (chance < 0.303) this.kill(one);
    else if (chance < 0.306) await this.stop(one);
    else if (chance < 0.33) this.now += 60_000;
    else if (chance < 0.34) this.lead();
    else if (chance < 0.36) this.leader.look();
    else if (chance < 0.38) void one.router.tend();
    else await this.goOn(this.gates);
  }

  /** Something happens to a case. */
  private change(): void {
    const there = [...this.cases].filter(([, { isDeleted }]) => !isDeleted);
    const tell = (id: string, changeType: string, changedFields: string[]): void => this.tell(id, { ChangeEventHeader: { entityName: "Case", changeType, recordIds: [id], changedFields, commitUser: BOB } });
    if (there.length < 3 || this.random() < 0.15) {
      const id = `500${String(this.cases.size).padStart(12, "0")}AAA`;
      this.cases.set(id, { owner: this.pick([PUMPS, VALVES, OTHERS]) as string, isClosed: false, isDeleted: false });
      return tell(id, "CREATE", []);
    }
    const [id, found] = this.pick(there) as [string, Case];
    const what = this.pick(this.movesOnly ? ["move"] : ["move", "move", "close", "delete", "email", "reply"]);
    if (what === "email" || what === "reply") return this.tell(id, { ChangeEventHeader: { entityName: "EmailMessage", changeType: "CREATE", recordIds: ["02s000000000001AAA"] }, ParentId: id, Incoming: what === "email" });
    if (what === "move") found.owner = this.pick(this.movesOnly ? [PUMPS, VALVES] : [PUMPS, VALVES, OTHERS, ANN, BOB]) as string;
    if (what === "close") found.isClosed = !found.isClosed;
    if (what === "delete") found.isDeleted = true;
    tell(id, what === "delete" ? "DELETE" : "UPDATE", what === "move" ? ["OwnerId"] : ["IsClosed"]);
  }

  private tell(caseId: string, payload: object): void {
    this.letters.push({ caseId, msg: { payload, salesforce: { eventUuid: `u${(this.causes += 1)}` } } });
  }

  private kill(one: Process): void {
    this.gates = this.gates.filter(({ of }) => of !== one);
    this.processes = this.processes.map((each) => (each === one ? new Process(this) : each));
    for (const letter of this.letters) if (letter.takenBy === one) letter.takenBy = undefined;
  }

  /** A deploy: what it is at is finished, and what is in the flow given back. */
  private async stop(one: Process): Promise<void> {
    await this.drain(one);
    one.giveBack();
    await this.drain(one);
    one.begin();
  }

  private async drain(one: Process): Promise<void> {
    for (let mine = this.gates; mine.length > 0; await this.goOn(mine)) mine = this.gates.filter(({ of }) => of === one);
  }

  private lead(): void {
    if (this.processes.includes(this.leader)) return;
    this.leader = this.pick(this.processes) as Process;
  }

  private async goOn(gates: { open: () => void }[]): Promise<void> {
    const next = this.pick(gates);
    this.gates = this.gates.filter((one) => one !== next);
    next?.open();
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  private async settle(): Promise<void> {
    while (this.gates.length > 0 || this.letters.length > 0 || this.processes.some(({ flowing }) => flowing.length > 0)) {
      for (const each of this.processes) while (each.flowing.length > 0) each.reach();
      for (const each of this.processes) each.takeOne(this.letters.find(({ takenBy, caseId }) => !takenBy && !each.busy.has(caseId)));
      await this.goOn(this.gates.slice(0, 1));
    }
  }

  private pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random() * from.length)];
  }
}

/** A process with one node. What it remembers of deliveries outlives a deploy, and not a kill. */
class Process {
  readonly busy = new Set<string>();
  flowing: Flowing[] = [];
  router!: CaseRouter;
  private records!: CaseRecords;
  private isFirst = true;
  private looking = false;
  private readonly states = new Map<string, TokenState>();

  constructor(private readonly world: RandomWorld) {
    this.begin();
  }

  begin(): void {
    const { world } = this;
    const { store } = world;
    const inTurn = <A extends unknown[], R>(work: (...given: A) => Promise<R>) => async (...given: A): Promise<R> => {
      await world.turn(this);
      const result = await work(...given);
      await world.turn(this);
      return result;
    };
    const kept = { readFenced: inTurn((key: string) => store.readFenced(key)), swap: inTurn(store.swap.bind(store)), removeFenced: inTurn(store.removeFenced.bind(store)), entries: (prefix: string) => store.entries(prefix) };
    this.records = new CaseRecords(kept as unknown as SharedStore, "r/");
    const read = (ids: string[]): [string, CaseRead][] => ids.flatMap((id) => (this.world.cases.get(id)?.isDeleted === false ? [[id, readOf(id, this.world.cases.get(id) as Case)]] : []));
    const reader = {
      cases: inTurn((ids: string[]) => Promise.resolve(new Map(read(ids)))),
      children: () => Promise.resolve(new Map()),
      agents: inTurn(() => Promise.resolve(new Map())),
      openCases: async function* (owners: string[]) {
        yield await Promise.resolve(read([...world.cases.keys()]).flatMap(([, one]) => (!one.snapshot.isClosed && owners.includes(one.snapshot.ownerId) ? one : [])));
      },
    };
    const parts = { reader, records: this.records, marker: { mark: inTurn((marks: Mark[]) => Promise.resolve(marks.map(() => undefined))) }, queues: { byId: () => Promise.resolve(WATCHED) } };
    this.router = new CaseRouter({
      ...(parts as unknown as Pick<CaseRouterOptions, "reader" | "records" | "marker" | "queues">),
      ...{ rules: RULES, skillsField: "", directToQueue: false, marks: true, shared: world.isShared },
      tokenState: (token) => this.states.get(token) ?? "unknown",
      isAlone: () => !world.isShared || world.leader === this,
      newRequest: () => `r${(world.requests += 1)}`,
      note: () => undefined,
      clock: { now: () => world.now },
    });
    this.isFirst = true;
  }

  takeOne(letter: Letter | undefined): void {
    if (!letter) return;
    const token = `t${(this.world.tokens += 1)}`;
    this.states.set(token, "open");
    letter.takenBy = this;
    this.busy.add(letter.caseId);
    const item: RouteItem = { signal: readSignal(letter.msg), msg: letter.msg, token, steps: new Map() };
    void this.router.write([item]).then(([result]) => {
      if (!result?.ok) throw result?.error ?? new Error("no result");
      this.busy.delete(letter.caseId);
      this.flowing.push({ out: [...result.value.outgoing], letter, token });
    });
  }

  /** Looks after cases, on start after all of them. */
  look(): void {
    if (this.looking) return;
    this.looking = true;
    void this.lookAfterAll().finally(() => (this.looking = false));
  }

  /** The first message of a case that is in the flow reaches the contact centre. */
  reach(): void {
    const next = this.flowing[0];
    const message = next?.out.shift();
    if (!next) return;
    if (message) this.world.take(message.payload);
    if (message && !next.letter) void this.router.settled(message, "taken");
    if (next.out.length > 0) return;
    this.flowing.shift();
    if (!next.letter) return;
    this.states.set(next.token ?? "", "over");
    this.world.letters.splice(this.world.letters.indexOf(next.letter), 1);
  }

  giveBack(): void {
    for (const { out, letter, token } of this.flowing.splice(0)) {
      if (!letter) for (const message of out) void this.router.settled(message, "given back");
      else {
        this.states.set(token ?? "", "returning");
        letter.takenBy = undefined;
      }
    }
  }

  private async lookAfterAll(): Promise<void> {
    const { isFirst } = this;
    const known = await this.records.load();
    const inFlow = new Set(this.flowing.flatMap(({ out, letter }) => (letter ? [] : out.map(({ caseId }) => caseId))));
    const due = new Set([...this.records.due(this.world.now), ...(isFirst ? this.records.owed : [])]);
    await this.put([...due].filter((id) => !inFlow.has(id)), "due");
    if (!isFirst) return;
    for await (const page of this.router.missed()) await this.put(page, "missed");
    await this.put(known, "missed");
    this.isFirst = false;
  }

  private async put(ids: readonly string[], kind: "due" | "missed"): Promise<void> {
    if (ids.length === 0) return;
    for (const message of await this.router.look(ids, { kind })) this.flowing.push({ out: [message] });
  }
}

function readOf(id: string, { owner, isClosed }: Case): CaseRead {
  const blank = { subject: null, status: null, priority: null, origin: null, createdDate: "", lastModifiedDate: "" };
  return { snapshot: { id, number: id, ownerId: owner, isClosed, ...blank }, skills: null, lastModifiedBy: BOB, marked: false };
}
