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

/** The result of {@link Control.stats}. */
export interface StatsReading extends StatsCounts {
  /** Number of live records by object. */
  records: Record<string, number>;
  sessions: number;
  apiUsage: { used: number; max: number };
}

/** The control API: what the org can be made to do, by a method here or over HTTP by `POST /__emu/<method>` with the argument as JSON. */
export class Control extends StreamControl {
  /** Ends all sessions, or those of one client. The next call with such a token gets 401 `INVALID_SESSION_ID`. */
  expireTokens(options: { clientId?: string } = {}): { expired: number } {
    return { expired: this.org.sessions.expire(options.clientId) };
  }

  /** Makes the next calls fail. */
  failNext(fault: FailNext = {}): void {
    this.org.faults.failNext(fault);
  }

  /** Answers all calls with 503, for a time or until {@link clearFaults}. */
  unavailable(fault: Unavailable = {}): void {
    this.org.faults.unavailable(fault);
  }

  /** Delays all answers, until it is called with `{ ms: 0 }`. */
  slow(fault: Slow): void {
    this.org.faults.slow(fault);
  }

  /** Resets the connections of the next requests, before or after they are processed or in the middle of the answer. */
  resetConnections(fault: ResetConnections = {}): void {
    this.org.faults.resetConnections(fault);
  }

  /** Refuses all calls because they exceed a limit. */
  requestLimit(fault: RequestLimit = {}): void {
    this.org.faults.requestLimit(fault);
  }

  /** Ends all faults. Locks, rules, users and usage stay. */
  clearFaults(): void {
    this.org.faults.clear();
    this.org.pubsub?.clearFaults();
    this.org.cometd.clearFaults();
    this.org.sessions.exceedLoginRate(0);
  }

  /** Locks a record as if someone else had it: writes to it, or to records that name it as a parent, fail with `UNABLE_TO_LOCK_ROW`. */
  lockRecord(options: { id: string; times?: number }): void {
    this.org.locks.lock(options.id, options.times === undefined ? undefined : finite("times", options.times));
  }

  unlockRecord(options: { id: string }): void {
    this.org.locks.unlock(options.id);
  }

  /** Sets the number of calls in the last 24 hours and the limit. At the limit, calls are refused. */
  setApiUsage(options: { used?: number; max?: number }): { used: number; max: number } {
    return this.setLimit({ name: "DailyApiRequests", ...options });
  }

  /** Sets how much of a limit of `/limits` is used, and the limit itself. */
  setLimit({ name, used, max }: { name: LimitName; used?: number; max?: number }): Usage {
    return this.org.limits.set(name, {
      ...(used === undefined ? {} : { used: finite("used", used) }),
      ...(max === undefined ? {} : { max: finite("max", max) }),
    });
  }

  /** Ends the refresh tokens of all users or of one, and the sessions that came from them. */
  revokeRefreshTokens(options: { username?: string } = {}): { revoked: number } {
    return { revoked: this.org.sessions.revokeRefreshTokens(options.username) };
  }

  /** Ends the authorization codes that were issued but not redeemed. */
  expireCodes(): { expired: number } {
    return { expired: this.org.sessions.codes.clear() };
  }

  /** Returns the last thousand secrets that were sent (tokens, codes, verifiers), so that tests can look for them where they must not be. Not available over HTTP. */
  secrets(): string[] {
    return this.org.sessions.secrets();
  }

  /** Refuses all logins with `login rate exceeded`, for a time or until {@link clearFaults}. */
  exceedLoginRate(options: { ms?: number } = {}): void {
    this.org.sessions.exceedLoginRate(options.ms === undefined ? undefined : finite("ms", options.ms));
  }

  /** Sets whether a user may log in and, if not, why. Open sessions stay open. */
  setUser(options: { username: string; state: UserState }): void {
    this.org.setUserState(options.username, options.state);
  }

  /** Adds a validation rule, trigger error or duplicate rule to an object. */
  addRule(options: { object: string } & RuleDefinition): void {
    const { object, ...rule } = options;
    this.org.addRule(object, { ...rule });
  }

  /** Adds a Case assignment rule, as an admin would. @returns its id */
  addAssignmentRule(rule: AssignmentRuleDefinition): { id: string } {
    return { id: this.org.assignment.add(rule) };
  }

  /** Adds an approval process of one step to an object. @returns its id */
  addApprovalProcess(process: ApprovalDefinition): { id: string } {
    return { id: this.org.approvals.add(process).id };
  }

  /** Adds a duplicate rule to an object. */
  addDuplicateRule(rule: DuplicateRuleDefinition): void {
    this.org.duplicates.add(rule);
  }

  /** Adds a queue for these objects. @returns its id */
  addQueue(options: { name: string; developerName?: string; objects?: string[] }): { id: string } {
    const { name, developerName, objects = ["Case"] } = options;
    const id = this.org.insert("Group", { Name: name, Type: "Queue", ...(developerName ? { DeveloperName: developerName } : {}) });
    for (const object of objects) this.org.insert("QueueSobject", { QueueId: id, SobjectType: object });
    return { id };
  }

  /** Creates records with all checks, as a user would; by default, the user of the first client. @returns their ids */
  insert({ object, records, username }: { object: string; records: Record<string, unknown>[]; username?: string }): { ids: string[] } {
    return { ids: records.map((record) => this.org.insert(object, record, username)) };
  }

  /** Makes all query locators invalid: requests for the next page get `INVALID_QUERY_LOCATOR`. */
  ageLocators(): { aged: number } {
    return { aged: this.org.cursors.age() };
  }

  /** Sets how fast bulk jobs run from now on. */
  bulkPace(pace: BulkPace): void {
    jobsOf(this.org).pace.set(pace);
  }

  /** Makes the next bulk jobs fail, or hang until {@link releaseJobs}. */
  bulkFault(fault: BulkFault): void {
    jobsOf(this.org).pace.strike(fault);
  }

  /** Lets bulk jobs that hang go on. */
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

  /** Returns the counts of calls and logins, the last requests, and the number of records by object. */
  stats(): StatsReading {
    const records = Object.fromEntries(this.org.schema.objects.map((object) => [object.name, this.org.store.table(object).size]));
    return { ...this.org.stats.read(), records, sessions: this.org.sessions.count, apiUsage: this.org.limits.usage("DailyApiRequests") };
  }

  /** Sets the org back to its start: no records except users, no sessions, faults, locks or counts, and only the rules of the schema. */
  reset(): void {
    this.org.reset();
  }
}
