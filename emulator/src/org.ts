import { Streams } from "./cometd/streams";
import { formatDateTime } from "./dates";
import { Declared } from "./declared";
import { EventBus } from "./events/event-bus";
import { RecordChanges } from "./events/record-changes";
import { IdSequence } from "./ids";
import { Limits } from "./limits";
import { Sessions } from "./oauth/sessions";
import type { Client, Settings } from "./options";
import type { PubSubHub } from "./pubsub/hub";
import { Approvals } from "./records/approvals";
import { AssignmentRules } from "./records/assignment";
import { DuplicateRules } from "./records/duplicates";
import { readRecord } from "./records/reader";
import { compileRule } from "./records/rules";
import { Writer, type WriteContext } from "./records/writer";
import { Schema, type ObjectSchema } from "./schema/schema";
import type { RuleDefinition, Scalar } from "./schema/types";
import type { Predicate } from "./soql/condition";
import { Cursors } from "./soql/cursors";
import { Faults } from "./control/faults";
import { Stats } from "./control/stats";
import { Locks } from "./store/locks";
import { Store } from "./store/store";
import type { Row } from "./store/table";
import { Users } from "./users";

const USER_STATES = ["active", "inactive", "must-reset-password", "password-expired", "not-approved", "not-admin-approved", "ip-restricted"] as const;

/** Whether a user can log in, and why not, as `setUser` of the control API sets it. */
export type UserState = (typeof USER_STATES)[number];

/** Orgs made in this process. */
let orgCount = 0;

/** Everything one emulated org is made of. */
export class Org {
  schema: Schema;
  store: Store;
  cursors: Cursors;
  /** What was published, on all channels. */
  readonly events = new EventBus(this);
  /** What makes events of the writes of records. */
  readonly changes = new RecordChanges(this);
  /** The Pub/Sub API, while a server of its own serves it. */
  pubsub: PubSubHub | undefined;
  /** What somebody has built in the org: reports, Apex classes, actions, dashboards. */
  declared: Declared;
  readonly sessions: Sessions;
  /** The streams over CometD. */
  readonly cometd: Streams;
  readonly locks = new Locks();
  readonly faults: Faults;
  readonly stats = new Stats();
  readonly assignment = new AssignmentRules(this);
  readonly duplicates = new DuplicateRules(this);
  readonly approvals = new Approvals(this);
  /** What `sendEmail` has sent; nothing leaves the emulator. */
  readonly sentEmails: { to: string[]; subject: string; body: string }[] = [];
  readonly compiledRules = new WeakMap<RuleDefinition, Predicate>();
  readonly users: Users;
  /** What `/limits` tells, counting down. */
  readonly limits: Limits;
  /** The organisation's name. */
  readonly name = "Surewire Emulator";
  /** The 18-character id of the organisation. */
  readonly id: string;
  private readonly userStates = new Map<string, UserState>();
  private clockShift = 0;
  private readonly userIds = new Map<string, string>();

  constructor(readonly settings: Settings) {
    this.schema = new Schema(settings.schema);
    this.store = new Store(this.schema, new IdSequence(orgCount++));
    this.cursors = new Cursors(this.store.ids, () => this.now());
    this.id = this.store.ids.next("00D");
    this.declared = new Declared(this);
    this.sessions = new Sessions(this);
    this.cometd = new Streams(this);
    this.faults = new Faults(settings.clock);
    this.limits = new Limits(() => this.now(), { DailyApiRequests: settings.apiLimit });
    this.users = new Users([...settings.users, ...settings.clients.map(({ username }) => ({ username }))]);
    this.checkRules();
    this.changes.capture.clear();
    this.seed();
  }

  /** Time of the org, in ms since the epoch. */
  now(): number {
    return this.settings.clock() + this.clockShift;
  }

  /** Moves the org's clock, and with it token lifetimes, `exp` checks and date literals. @throws Error when no date is left */
  shiftClock(ms: number): void {
    if (Number.isNaN(new Date(this.now() + ms).getTime())) throw new Error("ms leads out of the calendar");
    this.clockShift += ms;
  }

  client(clientId: string): Client | undefined {
    return this.settings.clients.find((client) => client.clientId === clientId);
  }

  /** The id of a user of the org: one it was started with, or one that was created since and given a password. */
  userId(username: string): string {
    const name = username.toLowerCase();
    const known = this.userIds.get(name);
    if (known !== undefined) return known;
    for (const row of this.store.table(this.object("User")).all()) if (String(row["Username"]).toLowerCase() === name) return row.Id;
    throw new Error(`the org has no user ${username}`);
  }

  userState(username: string): UserState {
    return this.userStates.get(username.toLowerCase()) ?? "active";
  }

  setUserState(username: string, state: UserState): void {
    if (!USER_STATES.includes(state)) throw new Error(`state must be one of ${USER_STATES.join(", ")}`);
    this.userStates.set(username.toLowerCase(), state);
  }

  writer(context: Partial<WriteContext> = {}): Writer {
    return new Writer(this, { userId: this.userId(this.settings.clients[0]!.username), allowDuplicates: false, autoAssign: "TRUE", origin: "", ...context });
  }

  /** Creates a record through all checks, as a user would, by default the first client's; gives its id. */
  insert(objectName: string, json: unknown, username?: string): string {
    return this.writer(username === undefined ? {} : { userId: this.userId(username) }).create(this.object(objectName), readRecord(this.schema, this.object(objectName), json));
  }

  /** Live records of an object, as plain copies with null for what is not set. */
  records(objectName: string): Row[] {
    const object = this.object(objectName);
    // Filling a copy of one blank record is ten times as fast as setting field by field: 0.1 s for 100,000 cases.
    const blank: Record<string, Scalar> = Object.fromEntries(object.fields.map((field) => [field.name, null]));
    const result: Row[] = [];
    for (const row of this.store.table(object).all()) {
      if (!row.IsDeleted) result.push(Object.assign({ ...blank }, row));
    }
    return result;
  }

  addRule(objectName: string, rule: RuleDefinition): void {
    const object = this.object(objectName);
    compileRule(this, object, rule);
    object.rules.push(rule);
  }

  /** Back to the start: no records but the users, no sessions, no faults, no counts, rules as in the schema. */
  reset(): void {
    this.schema = new Schema(this.settings.schema);
    this.store = new Store(this.schema, this.store.ids);
    this.declared = new Declared(this);
    this.cursors.clear();
    this.cometd.clear();
    this.events.clear();
    this.changes.capture.clear();
    this.sessions.clear();
    this.locks.clear();
    this.assignment.clear();
    this.duplicates.clear();
    this.approvals.clear();
    this.sentEmails.length = 0;
    this.faults.clear();
    this.pubsub?.clear();
    this.stats.clear();
    this.userStates.clear();
    this.users.reset();
    this.limits.reset();
    this.clockShift = 0;
    this.seed();
  }

  private object(name: string): ObjectSchema {
    const object = this.schema.object(name);
    if (!object) throw new Error(`the org has no object ${name}`);
    return object;
  }

  private checkRules(): void {
    for (const object of this.schema.objects) for (const rule of object.rules) compileRule(this, object, rule);
  }

  /** The org's own record and every user, with the same ids after a reset as before. */
  private seed(): void {
    const object = this.object("User");
    const now = formatDateTime(this.now());
    const dates = { CreatedDate: now, LastModifiedDate: now, SystemModstamp: now };
    const itself = { Id: this.id, Name: this.name, InstanceName: "EMU1", IsSandbox: false, OrganizationType: "Developer Edition" };
    for (const { username, name } of this.users.all()) {
      const key = username.toLowerCase();
      const id = this.userIds.get(key) ?? this.store.ids.next(object.keyPrefix);
      if (this.store.get(id)) continue;
      this.userIds.set(key, id);
      const system = { ...dates, CreatedById: id, LastModifiedById: id };
      const person = { Username: username, LastName: name, FirstName: null, Name: name, Email: username, IsActive: true };
      this.store.table(object).insert({ Id: id, IsDeleted: false, ...person, ...system });
    }
    const owner = this.userId(this.settings.clients[0]!.username);
    this.store.table(this.object("Organization")).insert({ IsDeleted: false, ...itself, ...dates, CreatedById: owner, LastModifiedById: owner });
  }
}
