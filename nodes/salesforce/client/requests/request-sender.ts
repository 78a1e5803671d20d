import { setTimeout as delay } from "node:timers/promises";
import { ConnectorError, goingOn, isConnectorError } from "../../../common/errors";
import { callError, foreignAnswer } from "../errors";
import { isLostAnswer } from "../records/lost-answer";
import { readsGetThrough, Suspicion, writesGetThrough } from "../suspicion";
import type { RequestBody } from "./request-body";
import { actionError, apexError, isApexAnswer, isLocked, isPage, partError, redirectError, requestError, severalError } from "./request-error";
import type { RawRequest, RestClient } from "../rest";
import { isRefusedThere } from "../sign-in/refused-session";
import type { HttpAnswer } from "../http/transport";

/** One call. */
export interface RequestItem {
  method: RawRequest["method"];
  /** The same as {@link RawRequest.path}. */
  path: string;
  headers: Record<string, string>;
  body?: RequestBody;
}

/** The form in which an answer's body is returned. `json` returns a value if the answer is JSON, else its text. */
export type Returns = "json" | "text" | "buffer";

/** The result of a call. */
export interface RequestResult {
  payload: unknown;
  /** The value of `msg.salesforce`. */
  salesforce: { statusCode: number; headers: Record<string, string> };
}

/** How calls are made. */
export interface RequestSenderOptions {
  /** Origin of Account Engagement. Absent: calls go to the org. */
  host?: string;
  returns: Returns;
  /** Whether POST and PATCH may be sent again when their answer was lost. Other methods always are. */
  safeToRepeat: boolean;
  /** Whether a composite answer with a failed part fails the message. */
  failOnPartErrors: boolean;
}

/** Methods that have the same effect when they are sent twice. */
const IDEMPOTENT = new Set<RawRequest["method"]>(["GET", "HEAD", "PUT", "DELETE"]);
/** Methods that only read. */
const READS = new Set<RawRequest["method"]>(["GET", "HEAD"]);
/** How often a call is repeated when records are locked. The waits between are 50 ms, doubled each time. */
const LOCK_RETRIES = 3;

/** Makes the calls that messages ask for, and returns their answers unchanged. */
export class RequestSender {
  /** DELETE calls whose answer was lost. If the record is missing at the next try (404), the lost call has deleted it. */
  private readonly lostDeletes = new WeakSet<RequestItem>();
  private readonly suspicion = new Suspicion();

  constructor(
    private readonly rest: RestClient,
    private readonly options: RequestSenderOptions,
  ) {}

  /** Makes a call. @throws ConnectorError of scope `system` only if the call may be repeated safely */
  async send(item: RequestItem): Promise<RequestResult> {
    const repeatable = this.options.safeToRepeat || IDEMPOTENT.has(item.method);
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.once(item, repeatable);
      } catch (error) {
        if (!isConnectorError(error)) throw error;
        if (item.method === "DELETE") {
          if (this.lostDeletes.has(item) && error.details.status === 404) return { payload: null, salesforce: { statusCode: 404, headers: {} } };
          if (isLostAnswer(error)) this.lostDeletes.add(item);
        }
        if (isLocked(error) && tries < LOCK_RETRIES) await delay(50 * 2 ** tries);
        else throw isLostAnswer(error) && error.scope === "system" && !repeatable ? lostCall(error) : await this.judged(item, error);
      }
    }
  }

  /** Judges an error that may concern only this call, such as a report that takes too long: if it comes again and again while other calls succeed, it must not hold them up. */
  private judged(item: RequestItem, error: ConnectorError): Promise<ConnectorError> | ConnectorError {
    if (isRefusedThere(error)) return new ConnectorError("ORG_REFUSED", error.message, { retryable: true, details: error.details, cause: error });
    return this.suspicion.judged(item, error, () => this.othersGetThrough(item));
  }

  private othersGetThrough({ method, headers }: RequestItem): Promise<boolean> {
    const { host } = this.options;
    if (host !== undefined) return this.engagementAnswers(host, headers["pardot-business-unit-id"]);
    return READS.has(method) ? readsGetThrough(this.rest) : writesGetThrough(this.rest);
  }

  /** Whether Account Engagement itself answers a small call, even if it refuses it. */
  private async engagementAnswers(host: string, unit = ""): Promise<boolean> {
    try {
      const answer = await this.rest.raw({ method: "GET", path: "/api/v5/objects/account?fields=id", host, headers: { "pardot-business-unit-id": unit }, errorOf: requestError });
      return answer.status < 300 && !isPage("", answer);
    } catch (error) {
      return isConnectorError(error) && error.scope === "message" && error.details.errorCode !== undefined;
    }
  }

  private async once({ method, path, headers, body }: RequestItem, repeatable: boolean): Promise<RequestResult> {
    const { host, returns, failOnPartErrors } = this.options;
    const withType = body ? { "content-type": body.contentType, ...headers } : headers;
    const isForeign = (given: HttpAnswer): boolean => isApexAnswer(path, given);
    const errorOf = (given: HttpAnswer): ConnectorError => {
      if (isForeign(given)) return apexError(given);
      if (isPage(path, given)) return callError(given); // an API never refuses a call with a page, so it is not the org that has answered
      return actionError(given, repeatable) ?? requestError(given);
    };
    const answer = await this.rest.raw({ method, path, host, headers: withType, body: body?.content, errorOf, isForeign });
    if (answer.status > 300 && answer.status < 400 && answer.status !== 304) throw redirectError(answer);
    if (answer.status === 300 && !READS.has(method)) throw severalError(answer);
    // only a file that is read may be an HTML page
    if ((!READS.has(method) || returns === "json") && isPage(path, answer)) throw foreignAnswer(answer);
    const payload = read(answer, returns);
    if (failOnPartErrors) {
      const parts = partError(path, returns === "json" ? payload : read(answer, "json"), repeatable);
      if (parts) throw parts;
    }
    return { payload, salesforce: { statusCode: answer.status, headers: visible(answer.headers) } };
  }
}

function read(answer: HttpAnswer, returns: Returns): unknown {
  if (returns === "buffer") return answer.bytes;
  if (returns === "text") return answer.body;
  if (answer.bytes.length === 0) return null;
  try {
    return JSON.parse(answer.body);
  } catch {
    return answer.body;
  }
}

/** Returns the headers without cookies, which could open a session and so must not get into messages. */
function visible({ "set-cookie": _cookies, ...headers }: Record<string, string>): Record<string, string> {
  return headers;
}

function lostCall(error: ConnectorError): ConnectorError {
  return new ConnectorError("ORG_UNAVAILABLE", goingOn(error.message, "whether the org has acted on the call is not known"), {
    scope: "message",
    retryable: true,
    details: error.details,
    cause: error,
  });
}
