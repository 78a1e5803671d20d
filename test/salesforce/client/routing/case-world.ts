import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import type { TokenState } from "../../../../nodes/salesforce/client/routing/after-flow";
import type { CaseMarker } from "../../../../nodes/salesforce/client/routing/case-marker";
import type { CaseRead, CaseReader } from "../../../../nodes/salesforce/client/routing/case-reader";
import { CaseRecords } from "../../../../nodes/salesforce/client/routing/case-records";
import { CaseRouter, type RouteItem } from "../../../../nodes/salesforce/client/routing/case-router";
import type { Outgoing } from "../../../../nodes/salesforce/client/routing/outgoing";
import { readSignal } from "../../../../nodes/salesforce/client/routing/signal";
import type { WatchedQueues } from "../../../../nodes/salesforce/client/routing/watched-queues";
import { entriesOf } from "../../../common/shared-store";

export const CASE = "500000000000001AAA";
export const [PUMPS, OTHERS, VALVES, ANN] = ["00G000000000001AAA", "00G000000000002AAA", "00G000000000003AAA", "005000000000001AAA"];
/** ms that an answer is waited for. */
export const TIMEOUT = 300_000;

let causes = 0;

/** One case of an org, one store, and processes that come and go. */
export class World {
  readonly tokens = new Map<string, TokenState>();
  owner = PUMPS;
  isClosed = false;
  now = 1_000_000;
  isAlone = true;
  agentsAreAway = false;
  /** Happens once the org has said how the case is, and before it is decided on. */
  meanwhile: (() => Promise<unknown>) | undefined;
  private requests = 0;
  records: CaseRecords;
  router: CaseRouter;

  /** @param store given: another instance works on it, too */
  constructor(
    readonly store = new MemoryStore(),
    private readonly shared = false,
  ) {
    this.records = new CaseRecords(store, "r/");
    this.router = this.newRouter();
  }

  /** What it knew of its deliveries, it knows no more. */
  killed(): void {
    this.tokens.clear();
    this.records = new CaseRecords(this.store, "r/");
    this.router = this.newRouter();
  }

  event(changeType: string, changedFields: string[] = []): object {
    causes += 1;
    return { payload: { ChangeEventHeader: { entityName: "Case", changeType, recordIds: [CASE], changedFields, commitUser: ANN } }, salesforce: { eventUuid: `u${causes}` } };
  }

  answer(status: string, interactionId: string): object {
    return { payload: { caseId: CASE, status, interactionId } };
  }

  /** @param token of its delivery, which is in the flow then */
  async take(msg: object, token: string): Promise<string[]> {
    this.tokens.set(token, "open");
    const item: RouteItem = { signal: readSignal(msg), msg, token, steps: new Map() };
    const [result] = await this.router.write([item]);
    assert.ok(result?.ok, "it failed");
    return inShort(result.value.outgoing);
  }

  /** A message that nothing becomes of: its delivery is done with. */
  async settle(msg: object, token: string): Promise<string[]> {
    const out = await this.take(msg, token);
    this.tokens.set(token, "over");
    return out;
  }

  async look(kind: "due" | "missed" = "due"): Promise<Outgoing[]> {
    return this.router.look([CASE], { kind });
  }

  async kept(): Promise<string[]> {
    return (await entriesOf(this.store, "r/")).map(({ key }) => key);
  }

  private newRouter(): CaseRouter {
    const read = (): CaseRead => ({
      snapshot: {
        id: CASE, number: "1", subject: null, status: null, priority: null, origin: null, ownerId: this.owner, isClosed: this.isClosed, createdDate: "", lastModifiedDate: "",
      },
      skills: null, lastModifiedBy: ANN, marked: false,
    });
    const reader = {
      cases: async () => {
        const found = new Map([[CASE, read()]]);
        const { meanwhile } = this;
        this.meanwhile = undefined;
        await meanwhile?.();
        return found;
      },
      children: () => Promise.resolve(new Map()),
      agents: () => (this.agentsAreAway ? Promise.reject(new ConnectorError("ORG_UNAVAILABLE", "away")) : Promise.resolve(new Map())),
    };
    return new CaseRouter({
      reader: reader as unknown as CaseReader,
      records: this.records,
      marker: { mark: (marks: unknown[]) => Promise.resolve(marks.map(() => undefined)) } as unknown as CaseMarker,
      queues: { byId: () => Promise.resolve(new Map([[PUMPS, { queue: "Pumps", workgroup: "wg" }], [VALVES, { queue: "Valves", workgroup: "wg.valves" }]])) } as unknown as WatchedQueues,
      rules: { onNew: true, onOwner: true, onQueue: true, onComment: true, onEmail: true, disconnectOnReply: true, answerTimeout: TIMEOUT },
      skillsField: "", directToQueue: false, marks: false,
      tokenState: (token) => this.tokens.get(token) ?? "unknown",
      isAlone: () => this.isAlone,
      shared: this.shared,
      newRequest: () => `r${(this.requests += 1)}`,
      note: () => undefined,
      clock: { now: () => this.now },
    });
  }
}

/** Messages in a few words. */
export const inShort = (outgoing: Outgoing[]): string[] => outgoing.map(({ payload: { action, reason, request, interactionId } }) => [action, reason, request ?? interactionId].join(" "));

/** What tells of a mail of the customer. */
export const mailOf = (number: number): object => ({
  payload: { ChangeEventHeader: { entityName: "EmailMessage", changeType: "CREATE", recordIds: ["02s000000000001AAA"] }, ParentId: CASE, Incoming: true },
  salesforce: { eventUuid: `mail ${number}` },
});
