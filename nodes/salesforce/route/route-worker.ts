import { randomUUID } from "node:crypto";
import { within } from "../../common/deadline";
import { type ConnectorError, toConnectorError } from "../../common/errors";
import type { Lease, LeaseOptions } from "../../common/lease";
import { putOn } from "../../common/put-on";
import type { SharedStore } from "../../common/store";
import { claimOf } from "../../delivery/claim";
import type { NodeName } from "../../delivery/outcome";
import { registry, tokenOf } from "../../delivery/tracker/registry";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { MapFields } from "../client/mapping";
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

/** Makes the lease by which one of several instances is active and the others stand by. */
export type MakeLease = (options: Pick<LeaseOptions, "key" | "onHeld" | "onLost" | "onTrouble">) => Lease;

/** The options of a {@link RouteWorker}. */
export interface RouteWorkerOptions {
  settings: RouteSettings;
  org: OrgClient;
  store: SharedStore;
  /** Whether other instances may write to the store. */
  shared: boolean;
  lease: MakeLease | undefined;
  /** Makes the fields with which records are marked; `undefined` if nothing is marked. */
  map: MapFields | undefined;
  node: NodeName;
  runtime: TrackedRuntime;
  /** Sends a message that does not come from one that was received. @param output index from 0 */
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  clone(message: object): object;
  onState(state: RouteState): void;
  warn(text: string): void;
}

/** The state of the org and of the cases. */
export interface RouteState {
  lane: LaneState;
  waiting: number;
  open: number;
  /** Whether the stored cases have not been read yet. */
  loading: boolean;
  /** Whether nothing is wired to the output for new cases. */
  unwired: boolean;
  /** Whether another instance watches the cases that are overdue. */
  standby: boolean;
  /** The error because of which it is not known which instance does. */
  unknown?: ConnectorError;
  /** The error of the last run of the {@link CaseWatch}. */
  trouble?: ConnectorError;
}

/** How many messages are decided together, and how long, in ms, the first one waits for others. */
const BATCH = 100;
const LINGER = 20;

interface Parts {
  router: CaseRouter;
  records: CaseRecords;
  prefix: string;
}

/** Accepts events and answers, and sends the resulting messages about cases. */
export class RouteWorker {
  private readonly lane: OrgLane<RouteItem, Routed>;
  private readonly watch: CaseWatch;
  private making: Promise<Parts> | undefined;
  private parts: Parts | undefined;
  private lease: Lease | undefined;
  /** The error because of which it is not known which instance has the lease. */
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

  /** To be called when all nodes have been created or wires may have changed. Begins to watch overdue cases, or to stand by, once the first output is wired. */
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
        if (this.closed) return; // a lease that is taken now would never be given back
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

  /** Accepts a message. It must be called in the input handler before anything is awaited. */
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

  /** Accepts no more messages and finishes those that it holds, for up to 8 s. The other cases are found again after the next start. */
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
      // the received message itself is used first: by this object, the flow tracker knows best to which delivery it belongs
      const message = index === 0 ? msg : this.options.clone(msg);
      lists[OUTPUTS[payload.action]]?.push(putOn(message, { payload, topic: payload.workgroup }));
    });
    if (outgoing.length > 0) send(lists);
    this.tell();
    if (error) throw error;
  }

  /** Returns the parts that depend on the org, and makes them at the first call. @throws ConnectorError while the org cannot be reached */
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

  /** Looks for cases that came to a queue before that was watched: no event will come for them. */
  private lookAtNew(): void {
    if (this.options.settings.startQuery) this.watch.lookAtAll().catch(() => undefined); // fails only when the node is closed, and the next start looks for all cases
  }

  /** Runs the router's regular work. If the store cannot be reached, the next turn of the timer tries again. */
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

/** Returns the key by which messages about the same case are kept in order. `undefined` if a message is about several cases. */
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
