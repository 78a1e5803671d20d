import { ConnectorError, goingOn, isConnectorError } from "../../../common/errors";
import type { RestCalls, RestRequest } from "../rest";
import type { RecordResult } from "./collections";
import { isLostAnswer } from "./lost-answer";

/** Tries that fail so before what is tried is suspected: half a minute with the usual back-off. */
const BEFORE_SUSPICION = 5;
/** As how many a try counts that has waited for its answer in vain: that has taken a minute or more by itself. */
const TIMEOUTS_WEIGH = 3;

/** So many that all fail may be among themselves; where more do, it is the org that fails. */
const FEW = 10;

/** What says that the org, or its edge, is closed to everybody. */
const CLOSED = new Set([420, 429, 503]);
/** What becomes of calls that somebody on the way minds, or that the org works on for too long. */
const BROKEN = new Set<unknown>(["TIMEOUT", "ECONNRESET", "EPIPE"]);

/** Whether the org failed in itself, as opposed to being closed (503) or behind a gateway that lost it. */
export function isServerError(error: unknown): boolean {
  return isConnectorError(error) && error.code === "ORG_UNAVAILABLE" && error.details.status === 500;
}

/** Whether somebody on the way has answered in the org's place: a firewall does so that minds what is in a call, and a proxy that cannot reach the org. */
function isForeignPage(error: unknown): boolean {
  if (!isConnectorError(error) || error.code !== "ORG_UNAVAILABLE") return false;
  const { status, errorCode } = error.details;
  return typeof status === "number" && status !== 500 && errorCode === undefined && !CLOSED.has(status);
}

/**
 * Whether a call may have failed for one of its records, or for their number, though it looks as if the org were away.
 *
 * @param creates it must not be sent again when the org may have acted
 */
export function mayBeOfRecords(error: unknown, creates: boolean): boolean {
  if (!isConnectorError(error) || (creates && isLostAnswer(error))) return false;
  return isServerError(error) || isForeignPage(error) || (error.code === "ORG_UNAVAILABLE" && BROKEN.has(error.details.network));
}

/** Whether a call was refused with a new token, too: a path may refuse whoever calls it. A pasted token that is over says no status. */
export function isRefusedSession({ code, details }: ConnectorError): boolean {
  return code === "ORG_SESSION_INVALID" && details.status === 401;
}

/** Counts, by what is tried – a batch, a call, a query –, the tries in a row that may have failed for its own sake. */
export class Suspicion {
  private readonly tries = new WeakMap<object, number>();

  /** @param isSuspect whether a try may have failed for its own sake; for what makes nothing, or may be made again */
  constructor(private readonly isSuspect = (error: ConnectorError): boolean => mayBeOfRecords(error, false)) {}

  /** Whether it is time to look whether it is so. */
  isDue(subject: object): boolean {
    return (this.tries.get(subject) ?? 0) >= BEFORE_SUSPICION;
  }

  /** A try has failed, or a look that was due has found nobody. */
  note(subject: object, error: unknown, creates = false): void {
    if (!isConnectorError(error) || !this.isSuspect(error) || (creates && isLostAnswer(error))) return;
    const weight = error.details.network === "TIMEOUT" ? TIMEOUTS_WEIGH : 1;
    this.tries.set(subject, this.isDue(subject) ? 0 : (this.tries.get(subject) ?? 0) + weight);
  }

  /** It was so: tried once more in place, it holds nobody up a second time. */
  found(subject: object): void {
    this.tries.set(subject, BEFORE_SUSPICION);
  }

  /** A try went well. */
  forget(subject: object): void {
    this.tries.delete(subject);
  }

  /** Does what cannot be parted, and forgets what went well; else as {@link judged}. */
  async guarded<T>(subject: object, work: () => Promise<T>, othersGetThrough: () => Promise<boolean>): Promise<T> {
    try {
      const done = await work();
      this.forget(subject);
      return done;
    } catch (error) {
      throw isConnectorError(error) ? await this.judged(subject, error, othersGetThrough) : error;
    }
  }

  /** What a try has failed by that cannot be parted: its own fault, if it has failed so time and again while others get through. */
  async judged(subject: object, error: ConnectorError, othersGetThrough: () => Promise<boolean>): Promise<ConnectorError> {
    if (!this.isSuspect(error)) return error;
    if (!this.isDue(subject)) this.note(subject, error);
    if (!this.isDue(subject)) return error;
    if (await othersGetThrough()) return ownFault(error);
    this.forget(subject);
    return error;
  }
}

/** Whether a call that has nothing in it gets through to the org, which answers it in its own words. */
export async function getsThrough(rest: RestCalls, call: RestRequest): Promise<boolean> {
  return rest.request(call).then(
    () => true,
    (error: unknown) => isConnectorError(error) && error.details.errorCode !== undefined && error.scope === "message",
  );
}

/** Whether a query gets through that every org answers at once: it needs the session and the org's data, as other reading does. */
export function readsGetThrough(rest: RestCalls): Promise<boolean> {
  return getsThrough(rest, { method: "GET", path: `/query?q=${encodeURIComponent("SELECT Id FROM Organization")}` });
}

/** Whether a call that would write, and has nothing to write in it, gets through. */
export function writesGetThrough(rest: RestCalls): Promise<boolean> {
  return getsThrough(rest, { method: "POST", path: "/composite", body: { compositeRequest: [] } });
}

/** What a search was for. */
interface Searched {
  /** Of all records; absent where that is not known, and a call without records has to tell, too, whether what is alone is at fault. */
  object?: string;
  /** All records are one, for all or none is stored. */
  together: boolean;
  creates: boolean;
  /** Whether a call without records gets through. */
  probe: () => Promise<boolean>;
}

/**
 * After a search: if some records passed, the org works, and what failed so did for its own sake. If none did, anything but a 500 is the org's unless a call
 * without records gets through. A 500 is so, too, unless they are few and their object can be read; and then only one of them is to blame at a time, for it may be
 * the org that fails at all it is to write.
 *
 * @throws ConnectorError when it is the org's
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

/** What failed as if the org were away, while other calls get through: its message's own matter, which may pass. */
function ownFault(error: ConnectorError): ConnectorError {
  const { message, details } = error;
  if (isRefusedSession(error)) return new ConnectorError("ORG_REFUSED", "The path refuses the session even with a new token, while other calls get through", { retryable: true, details, cause: error });
  if (!isForeignPage(error)) return new ConnectorError("ORG_BUSY", message, { details, cause: error });
  return new ConnectorError("ORG_REFUSED", goingOn(message, "other calls get through, so something on the way, such as a firewall, seems to mind this one"), { retryable: true, details, cause: error });
}

/** Of several among whom nobody was looked for any more, as too much went wrong: they are to come again, and whoever was found does not. */
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
