import { ConnectorError, goingOn, isConnectorError } from "../../common/errors";
import type { RestCalls, RestRequest } from "./rest";
import type { RecordResult } from "./records/collections";
import { isLostAnswer } from "./records/lost-answer";

/** After so many failed tries, what is tried is suspected; that takes half a minute with the usual back-off. */
const BEFORE_SUSPICION = 5;
/** A try that timed out counts as so many, as it has taken a minute or more by itself. */
const TIMEOUTS_WEIGH = 3;

/** When up to so many records all fail, they may all be at fault; when more do, the org is. */
const FEW = 10;

/** HTTP statuses that say that the org, or its edge, is closed to everybody. */
const CLOSED = new Set([420, 429, 503]);
/** Network errors of calls that a firewall on the way refuses, or that the org works on for too long. */
const BROKEN = new Set<unknown>(["TIMEOUT", "ECONNRESET", "EPIPE"]);

/** Whether the org itself failed (500), rather than being closed (503) or lost by a gateway. */
export function isServerError(error: unknown): boolean {
  return isConnectorError(error) && error.code === "ORG_UNAVAILABLE" && error.details.status === 500;
}

/** Whether something on the way has answered instead of the org: a firewall that refuses the content of a call, or a proxy that cannot reach the org. */
function isForeignPage(error: unknown): boolean {
  if (!isConnectorError(error) || error.code !== "ORG_UNAVAILABLE") return false;
  const { status, errorCode } = error.details;
  return typeof status === "number" && status !== 500 && errorCode === undefined && !CLOSED.has(status);
}

/**
 * Whether a call that failed as if the org were away may have failed because of one of its records, or their number.
 *
 * @param creates whether the call must not be repeated when the org may have carried it out
 */
export function mayBeOfRecords(error: unknown, creates: boolean): boolean {
  if (!isConnectorError(error) || (creates && isLostAnswer(error))) return false;
  return isServerError(error) || isForeignPage(error) || (error.code === "ORG_UNAVAILABLE" && BROKEN.has(error.details.network));
}

/** Counts the tries in a row of one thing (a batch, a call, a query) that may have failed because of the thing itself rather than the org. */
export class Suspicion {
  private readonly tries = new WeakMap<object, number>();

  /** Whether it has failed often enough to look whether it is at fault. */
  isDue(subject: object): boolean {
    return (this.tries.get(subject) ?? 0) >= BEFORE_SUSPICION;
  }

  /** A try has failed. If a look was due, it has found nothing, and counting begins anew. */
  note(subject: object, error: unknown, creates = false): void {
    if (!isConnectorError(error) || !mayBeOfRecords(error, creates)) return;
    const weight = error.details.network === "TIMEOUT" ? TIMEOUTS_WEIGH : 1;
    this.tries.set(subject, this.isDue(subject) ? 0 : (this.tries.get(subject) ?? 0) + weight);
  }

  /** It was found to be at fault: a look is due at once when it is tried again, so that it does not hold up others a second time. */
  found(subject: object): void {
    this.tries.set(subject, BEFORE_SUSPICION);
  }

  /** A try succeeded. */
  forget(subject: object): void {
    this.tries.delete(subject);
  }

  /** Does work that cannot be divided. Its errors are as {@link judged} gives them. */
  async guarded<T>(subject: object, work: () => Promise<T>, othersGetThrough: () => Promise<boolean>): Promise<T> {
    try {
      const done = await work();
      this.forget(subject);
      return done;
    } catch (error) {
      throw isConnectorError(error) ? await this.judged(subject, error, othersGetThrough) : error;
    }
  }

  /** The error of a failed try of something that cannot be divided: its own fault if it has failed again and again while other calls get through, else the same error. */
  async judged(subject: object, error: ConnectorError, othersGetThrough: () => Promise<boolean>): Promise<ConnectorError> {
    if (!mayBeOfRecords(error, false)) return error;
    if (!this.isDue(subject)) this.note(subject, error);
    if (!this.isDue(subject)) return error;
    if (await othersGetThrough()) return ownFault(error);
    this.forget(subject);
    return error;
  }
}

/** Whether a call without content gets through to the org: it succeeds, or is refused by the org itself. */
export async function getsThrough(rest: RestCalls, call: RestRequest): Promise<boolean> {
  return rest.request(call).then(
    () => true,
    (error: unknown) => isConnectorError(error) && error.details.errorCode !== undefined && error.scope === "message",
  );
}

/** Whether a query that every org answers at once gets through. Like other reading, it needs the session and the data of the org. */
export function readsGetThrough(rest: RestCalls): Promise<boolean> {
  return getsThrough(rest, { method: "GET", path: `/query?q=${encodeURIComponent("SELECT Id FROM Organization")}` });
}

/** Whether a call that would write, but has nothing to write, gets through to the org. */
export function writesGetThrough(rest: RestCalls): Promise<boolean> {
  return getsThrough(rest, { method: "POST", path: "/composite", body: { compositeRequest: [] } });
}

/** What {@link judge} needs to know about a search. */
interface Searched {
  /** API name of all records' object. Absent when not known; then a call without records also has to tell whether a single record is at fault. */
  object?: string;
  /** Whether all or none of the records are stored, so that they fail together. */
  together: boolean;
  /** As in {@link mayBeOfRecords}. */
  creates: boolean;
  /** Tries whether a call without records gets through. */
  probe: () => Promise<boolean>;
}

/**
 * Decides after a search who is at fault. If some records passed, the org works, so those that failed are. If none passed and there was no 500, the records are
 * if a call without records gets through, else the org is. With a 500, the records are only if they are few and their object can be read; and then only one
 * of them is blamed at a time, as it may be that the org fails at everything it is to write.
 *
 * @throws ConnectorError when the org is at fault
 */
export async function judge(rest: RestCalls, results: (RecordResult | undefined)[], { object, together, creates, probe }: Searched): Promise<void> {
  const suspects = results.flatMap((result, index) => (result?.ok === false && mayBeOfRecords(result.error, creates) ? [{ index, error: result.error }] : []));
  const [first] = suspects;
  if (!first) return;
  const somePassed = results.some((result) => result?.ok);
  const isAlone = together || results.length === 1;
  const ofServer = suspects.some(({ error }) => isServerError(error));
  const answers = async (): Promise<boolean> => {
    if (!ofServer) return probe();
    if (object === undefined) return isAlone && (await probe());
    return (together || results.length <= FEW) && (await canBeRead(rest, object));
  };
  if (!somePassed && !(await answers())) throw first.error;
  const blamed = somePassed || isAlone || !ofServer ? suspects : [first];
  for (const { index, error } of blamed) results[index] = { ok: false, error: ownFault(error) };
}

/** The error for what failed as if the org were away while other calls get through: it concerns only its own message, and another try may help. */
function ownFault(error: ConnectorError): ConnectorError {
  const { message, details } = error;
  if (!isForeignPage(error)) return new ConnectorError("ORG_BUSY", message, { details, cause: error });
  return new ConnectorError("ORG_REFUSED", goingOn(message, "other calls get through, so something on the way, such as a firewall, seems to mind this one"), { retryable: true, details, cause: error });
}

/** The error for those left when a search was given up, as too many calls failed. They come again, without those that were found. */
export function notLookedFor({ code, message }: ConnectorError): ConnectorError {
  return new ConnectorError(code, message);
}

/** Whether a record was found to be at fault itself. */
export function isOwnFault(result: RecordResult | undefined): boolean {
  return result?.ok === false && result.error.scope === "message" && mayBeOfRecords(result.error.cause, false);
}

/** Whether records of an object can be read. */
export async function canBeRead(rest: RestCalls, object: string): Promise<boolean> {
  const path = `/query?q=${encodeURIComponent(`SELECT Id FROM ${object} LIMIT 1`)}`;
  return rest.request({ method: "GET", path }).then(() => true, () => false);
}
