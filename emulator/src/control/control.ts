import type { LimitName, Usage } from "../limits";
import { jobsOf } from "../bulk/jobs";
import type { BulkFault, BulkPace } from "../bulk/pace";
import type { Declaration } from "../declared";
import type { UserState } from "../org";
import type { ApprovalDefinition } from "../records/approvals";
import type { AssignmentRuleDefinition } from "../records/assignment";
import type { DuplicateRuleDefinition } from "../records/duplicates";
import type { RuleDefinition } from "../schema/types";
import type { FailNext, RequestLimit, ResetConnections, Slow, Unavailable } from "./faults";
import type { StatsCounts } from "./stats";
import { finite, StreamControl } from "./stream-control";

/** What {@link Control.stats} gives. */
export interface StatsReading extends StatsCounts {
  /** Live records by object. */
  records: Record<string, number>;
  sessions: number;
  apiUsage: { used: number; max: number };
}

/** What the org can be made to do, by method here and by `POST /__emu/<name>` with the argument as JSON over HTTP. */
export class Control extends StreamControl {
  /** Ends all sessions, or those of one client: the next call with such a token is 401 `INVALID_SESSION_ID`. */
  expireTokens(options: { clientId?: string } = {}): { expired: number } {
    return { expired: this.org.sessions.expire(options.clientId) };
  }

  /** The next calls fail. */
  failNext(fault: FailNext = {}): void {
    this.org.faults.failNext(fault);
  }

  /** All calls are answered 503, for a time or until {@link clearFaults}. */
  unavailable(fault: Unavailable = {}): void {
    this.org.faults.unavailable(fault);
  }

  /** All answers come late; `{ ms: 0 }` ends it. */
  slow(fault: Slow): void {
    this.org.faults.slow(fault);
  }

  /** The next connections are reset, before or after the request was processed. */
  resetConnections(fault: ResetConnections = {}): void {
    this.org.faults.resetConnections(fault);
  }

  /** All calls are refused for going over a limit. */
  requestLimit(fault: RequestLimit = {}): void {
    this.org.faults.requestLimit(fault);
  }

  /** Ends every fault; locks, rules, users and usage stay. */
  clearFaults(): void {
    this.org.faults.clear();
    this.org.pubsub?.clearFaults();
    this.org.cometd.clearFaults();
    this.org.sessions.exceedLoginRate(0);
  }

  /** Someone else holds this record: writes to it, or to records that name it as a parent, fail with `UNABLE_TO_LOCK_ROW`. */
  lockRecord(options: { id: string; times?: number }): void {
    this.org.locks.lock(options.id, options.times === undefined ? undefined : finite("times", options.times));
  }

  unlockRecord(options: { id: string }): void {
    this.org.locks.unlock(options.id);
  }

  /** Sets the count of calls of the last 24 hours and its limit. At the limit calls are refused. */
  setApiUsage(options: { used?: number; max?: number }): { used: number; max: number } {
    return this.setLimit({ name: "DailyApiRequests", ...options });
  }

  /** Sets how much of any limit of `/limits` is used, and the limit. */
  setLimit({ name, used, max }: { name: LimitName; used?: number; max?: number }): Usage {
    return this.org.limits.set(name, {
      ...(used === undefined ? {} : { used: finite("used", used) }),
      ...(max === undefined ? {} : { max: finite("max", max) }),
    });
  }

  /** Ends refresh tokens, and the sessions they gave: of all users, or of one. */
  revokeRefreshTokens(options: { username?: string } = {}): { revoked: number } {
    return { revoked: this.org.sessions.revokeRefreshTokens(options.username) };
  }

  /** Ends the authorization codes that were given out and not redeemed. */
  expireCodes(): { expired: number } {
    return { expired: this.org.sessions.codes.clear() };
  }

  /** The last thousand secrets that went over the wire (tokens, codes, verifiers), to look for where they must not be. Not over HTTP. */
  secrets(): string[] {
    return this.org.sessions.secrets();
  }

  /** Every login is refused with `login rate exceeded`, for a time or until {@link clearFaults}. */
  exceedLoginRate(options: { ms?: number } = {}): void {
    this.org.sessions.exceedLoginRate(options.ms === undefined ? undefined : finite("ms", options.ms));
  }

  /** Whether a user may log in, and why not. Sessions that are open stay open. */
  setUser(options: { username: string; state: UserState }): void {
    this.org.setUserState(options.username, options.state);
  }

  /** Adds a validation rule, trigger error or duplicate rule to an object. */
  addRule(options: { object: string } & RuleDefinition): void {
    const { object, ...rule } = options;
    this.org.addRule(object, { ...rule });
  }

  /** Adds a Case assignment rule, as an admin would; gives its id. */
  addAssignmentRule(rule: AssignmentRuleDefinition): { id: string } {
    return { id: this.org.assignment.add(rule) };
  }

  /** Adds an approval process of one step to an object; gives its id. */
  addApprovalProcess(process: ApprovalDefinition): { id: string } {
    return { id: this.org.approvals.add(process).id };
  }

  /** Adds a duplicate rule to an object. */
  addDuplicateRule(rule: DuplicateRuleDefinition): void {
    this.org.duplicates.add(rule);
  }

  /** Makes a queue for these objects; gives its id. */
  addQueue(options: { name: string; developerName?: string; objects?: string[] }): { id: string } {
    const { name, developerName, objects = ["Case"] } = options;
    const id = this.org.insert("Group", { Name: name, Type: "Queue", ...(developerName ? { DeveloperName: developerName } : {}) });
    for (const object of objects) this.org.insert("QueueSobject", { QueueId: id, SobjectType: object });
    return { id };
  }

  /** Creates records through all checks, as a user would, by default the first client's; gives their ids. */
  insert({ object, records, username }: { object: string; records: Record<string, unknown>[]; username?: string }): { ids: string[] } {
    return { ids: records.map((record) => this.org.insert(object, record, username)) };
  }

  /** Locators given out so far are stale: the next page of a query is `INVALID_QUERY_LOCATOR`. */
  ageLocators(): { aged: number } {
    return { aged: this.org.cursors.age() };
  }

  /** How fast bulk jobs go, from now on. */
  bulkPace(pace: BulkPace): void {
    jobsOf(this.org).pace.set(pace);
  }

  /** The next bulk jobs fail, or hang until {@link releaseJobs}. */
  bulkFault(fault: BulkFault): void {
    jobsOf(this.org).pace.strike(fault);
  }

  /** Bulk jobs that hang go on. */
  releaseJobs(): void {
    jobsOf(this.org).pace.release();
  }

  /** Adds reports, Apex REST classes, actions, custom channels, assets of CRM Analytics and records of Account Engagement. */
  declare(declaration: Declaration): void {
    this.org.declared.declare(declaration);
  }

  /** Moves the org's clock forward. */
  shiftClock(options: { ms: number }): void {
    this.org.shiftClock(finite("ms", options.ms));
  }

  /** Counts of calls and logins, the last requests, records by object. */
  stats(): StatsReading {
    const records = Object.fromEntries(this.org.schema.objects.map((object) => [object.name, this.org.store.table(object).size]));
    return { ...this.org.stats.read(), records, sessions: this.org.sessions.count, apiUsage: this.org.limits.usage("DailyApiRequests") };
  }

  /** Back to the start: no records but the users, no sessions, faults, locks or counts, rules as in the schema. */
  reset(): void {
    this.org.reset();
  }
}
