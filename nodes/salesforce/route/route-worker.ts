import { randomUUID } from "node:crypto";
import { within } from "../../common/deadline";
import { type ConnectorError, toConnectorError } from "../../common/errors";
import type { Lease, LeaseOptions } from "../../common/lease";
import { putOn } from "../../common/put-on";
import type { SharedStore } from "../../common/store";
import { claimOf } from "../../delivery/claim";
import type { NodeName } from "../../delivery/outcome";
import { registry, tokenOf } from "../../delivery/registry";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { MapFields } from "../client/cases/mapping";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane } from "../client/org-lane";
import { orgPlace } from "../client/org-place";
import { CaseMarker } from "../client/routing/case-marker";
import { CaseReader } from "../client/routing/case-reader";
import { CaseRecords } from "../client/routing/case-records";
import type { TokenState } from "../client/routing/after-flow";
import { CaseRouter, type Routed, type RouteItem } from "../client/routing/case-router";
import { type RouteMessage, readSignal, type Signal } from "../client/routing/signal";
import { WatchedQueues } from "../client/routing/watched-queues";
import { CaseWatch, lookEvery } from "./case-watch";
import type { RouteSettings } from "./settings";
import { OUTPUTS, unwired } from "./outputs";

/** Makes the lease of instances that stand by for each other. */
export type MakeLease = (options: Pick<LeaseOptions, "key" | "onHeld" | "onLost" | "onTrouble">) => Lease;

/** What a {@link RouteWorker} needs. */
export interface RouteWorkerOptions {
  settings: RouteSettings;
  org: OrgClient;
  store: SharedStore;
  /** Another instance may write to the store. */
  shared: boolean;
  lease: MakeLease | undefined;
  /** The fields of marks; undefined: nothing is marked. */
  map: MapFields | undefined;
  node: NodeName;
  runtime: TrackedRuntime;
  /** Puts out a message of the node's own. @param output from 0 */
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  clone(message: object): object;
  onState(state: RouteState): void;
  warn(text: string): void;
}

/** How it stands with the org, and with the cases. */
export interface RouteState {
  lane: LaneState;
  waiting: number;
  open: number;
  /** What is kept of cases is not read yet. */
  loading: boolean;
  /** Nothing is behind the output that cases go to. */
  unwired: boolean;
  /** Another instance looks after what is overdue. */
  standby: boolean;
  /** Nobody can tell which instance does, by this. */
  unknown?: ConnectorError;
  /** Why the query for missed cases fails. */
  trouble?: ConnectorError;
}

/** Messages that are decided on together, and how long the first waits for others, in ms. */
const BATCH = 100;
const LINGER = 20;

interface Parts {
  router: CaseRouter;
  records: CaseRecords;
  prefix: string;
}

/** Takes events and answers in, and puts out what becomes of the cases. */
export class RouteWorker {
  private readonly lane: OrgLane<RouteItem, Routed>;
  private readonly watch: CaseWatch;
  private making: Promise<Parts> | undefined;
  private parts: Parts | undefined;
  private lease: Lease | undefined;
  /** Why nobody can tell who has the lease. */
  private unknown: ConnectorError | undefined;
  private laneState: LaneState = { kind: "idle", messages: 0 };
  private tendTimer: NodeJS.Timeout | undefined;
  private tending: Promise<void> | undefined;
  private started = false;
  private unwired = false;
  private closed = false;

  constructor(private readonly options: RouteWorkerOptions) {
    const { org, warn } = options;
    this.watch = new CaseWatch({ ...options, parts: () => this.ready(), onChange: () => this.tell() });
    this.lane = new OrgLane<RouteItem, Routed>({
      org,
      batchSize: BATCH,
      linger: LINGER,
      key: ({ signal }) => caseOf(signal),
      write: async (items) => {
        if (!this.isWired) throw unwired();
        return (await this.ready()).router.write(items);
      },
      onState: (state) => {
        this.laneState = state;
        this.tell();
      },
      warn,
    });
  }

  /** All nodes are there, or wires may have changed: begins to look after what is overdue, or stands by, as soon as cases go somewhere. */
  rewired(): void {
    this.unwired = !this.isWired;
    if (!this.unwired && !this.started) {
      this.started = true;
      void this.start();
    }
    this.tell();
  }

  private async start(): Promise<void> {
    const { lease, org } = this.options;
    while (!this.closed) {
      try {
        const { prefix } = await this.ready();
        if (this.closed) return; // a lease that is begun now would never be given back
        if (!lease) return this.watch.start();
        this.lease = lease({
          key: `${prefix}lease`,
          onHeld: () => this.watch.start(),
          onLost: (error) => {
            this.unknown = error;
            this.watch.stop();
          },
          onTrouble: (error) => {
            this.unknown = error;
            this.tell();
          },
        });
        this.lease.start();
        return;
      } catch (error) {
        await org.untilReady(toConnectorError(error));
      }
    }
  }

  /** Takes a message in: to be called in the input handler, before anything is awaited. */
  take(msg: RouteMessage, send: (messages: object[][]) => void, done: (error?: Error) => void): void {
    let signal: Signal;
    try {
      signal = readSignal(msg);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (signal.about === "nothing") {
      done();
      return;
    }
    if (signal.about === "all") {
      this.watch.lookAtAll(claimOf(msg)).then(() => done(), done);
      return;
    }
    const token = tokenOf(msg);
    const item: RouteItem = { signal, msg: { ...msg }, steps: new Map(), ...(token === undefined ? {} : { token }) };
    this.lane.take(msg, item, done, (routed) => this.put(msg, routed, send));
  }

  /** Takes nothing in any more, finishes what it has for up to 8 s, and leaves the rest to be found again. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.tendTimer);
    const watched = this.watch.close();
    await this.lane.close();
    await watched;
    await within(this.tend(), 1_000);
    if (this.lease) await within(this.lease.close(), 4_000);
  }

  private put(msg: object, { outgoing, error }: Routed, send: (messages: object[][]) => void): void {
    const lists: object[][] = [[], [], []];
    outgoing.forEach(({ payload }, index) => {
      // the message itself goes first: whose it is, the flow tracker knows best by the object
      const message = index === 0 ? msg : this.options.clone(msg);
      lists[OUTPUTS[payload.action]]?.push(putOn(message, { payload, topic: payload.workgroup }));
    });
    if (outgoing.length > 0) send(lists);
    this.tell();
    if (error) throw error;
  }

  /** What needs to know the org. @throws ConnectorError while the org is away */
  private ready(): Promise<Parts> {
    if (this.parts) return Promise.resolve(this.parts);
    this.making ??= this.make().finally(() => (this.making = undefined));
    return this.making;
  }

  private async make(): Promise<Parts> {
    const { settings, org, store, shared, map, warn } = this.options;
    const prefix = `salesforce-route/${orgPlace(await org.openSession())}/${settings.stateName}/`;
    const records = new CaseRecords(store, prefix);
    const queues = `${prefix}queues`;
    const { source, refresh, skillsField, rules, directToQueue, markObject, markCaseField, markFields } = settings;
    const ofCase = markObject.toLowerCase() === "case" ? markFields.map(({ field }) => field.trim()) : [];
    const router = new CaseRouter({
      reader: new CaseReader(org.rest, { skillsField, markFields: ofCase }),
      records,
      marker: new CaseMarker(org.rest, { object: markObject, caseField: markCaseField, map }),
      queues: new WatchedQueues({ rest: org.rest, source, refresh, ids: { read: () => store.read(queues), write: (ids) => store.write(queues, ids) }, warn, onAdded: () => this.lookAtNew() }),
      rules,
      skillsField,
      directToQueue,
      marks: map !== undefined,
      tokenState,
      shared,
      isAlone: () => !shared || (this.options.lease !== undefined && this.watch.running),
      newRequest: () => randomUUID(),
      note: warn,
    });
    if (!this.closed) this.tendTimer = setInterval(() => void this.tend(), lookEvery(rules));
    return (this.parts = { router, records, prefix });
  }

  /** What came to a queue before it was known as a watched one has no event any more. */
  private lookAtNew(): void {
    if (this.options.settings.startQuery) this.watch.lookAtAll().catch(() => undefined); // stopped: it looks on start
  }

  /** The store may be away: the next turn tries again. */
  private tend(): Promise<void> {
    this.tending ??= (this.parts?.router.tend() ?? Promise.resolve()).catch(() => undefined).finally(() => (this.tending = undefined));
    return this.tending;
  }

  private get isWired(): boolean {
    return this.options.isWired(OUTPUTS.create);
  }

  private tell(): void {
    const { parts, unknown } = this;
    const { records } = parts ?? {};
    const { trouble } = this.watch;
    const standby = this.options.lease !== undefined && !this.watch.running;
    const { waiting, open } = records?.count ?? { waiting: 0, open: 0 };
    this.options.onState({ lane: this.laneState, waiting, open, loading: !records?.isLoaded, unwired: this.unwired, standby, ...(trouble ? { trouble } : {}), ...(standby && unknown ? { unknown } : {}) });
  }
}

/** Messages about one case alone follow each other. */
function caseOf(signal: Signal): string | undefined {
  if (signal.about === "answer") return signal.id;
  if (signal.about === "cases") return signal.ids.length === 1 ? signal.ids[0] : undefined;
  return signal.about === "comments" || signal.about === "emails" ? signal.caseId : undefined;
}

function tokenState(token: string): TokenState {
  const found = registry.find(token);
  if (found === "closed") return registry.comesBack(token) ? "returning" : "over";
  return found ? "open" : "unknown";
}
