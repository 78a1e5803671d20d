import { setTimeout as delay } from "node:timers/promises";
import { ConnectorError, goingOn, isConnectorError } from "../../../common/errors";
import { callError, foreignAnswer, isRefusedThere } from "../errors";
import { isLostAnswer } from "../records/lost-answer";
import { readsGetThrough, Suspicion, writesGetThrough } from "../records/suspicion";
import type { RequestBody } from "./request-body";
import { actionError, apexError, isApexAnswer, isLocked, isPage, partError, redirectError, requestError, severalError } from "./request-error";
import type { RawRequest, RestClient } from "../rest";
import type { HttpAnswer } from "../http/transport";

/** One call. */
export interface RequestItem {
  method: RawRequest["method"];
  /** As {@link RawRequest.path}. */
  path: string;
  headers: Record<string, string>;
  body?: RequestBody;
}

/** How an answer's body is put out: `json` gives a value where the answer is JSON and text where it is not. */
export type Returns = "json" | "text" | "buffer";

/** What a call gave. */
export interface RequestResult {
  payload: unknown;
  /** `msg.salesforce`. */
  salesforce: { statusCode: number; headers: Record<string, string> };
}

/** How calls are made. */
export interface RequestSenderOptions {
  /** Origin of Account Engagement; absent: the org. */
  host?: string;
  returns: Returns;
  /** POST and PATCH may be sent again when their answer was lost, as the others always are. */
  safeToRepeat: boolean;
  /** A composite answer with a part that failed fails the message. */
  failOnPartErrors: boolean;
}

/** Methods that do the same when they are sent twice. */
const IDEMPOTENT = new Set<RawRequest["method"]>(["GET", "HEAD", "PUT", "DELETE"]);
/** Methods that only ask. */
const READS = new Set<RawRequest["method"]>(["GET", "HEAD"]);
/** Tries for records that are locked; ms between them double from 50. */
const LOCK_RETRIES = 3;

/** Makes calls as messages ask for them, and gives their answers as they came. */
export class RequestSender {
  /** Deletes whose answer was lost: what is gone at the next try was deleted by them. */
  private readonly lostDeletes = new WeakSet<RequestItem>();
  private readonly suspicion = new Suspicion();

  constructor(
    private readonly rest: RestClient,
    private readonly options: RequestSenderOptions,
  ) {}

  /** @throws ConnectorError of scope `system` only for what is safe to send again */
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

  /** A path that redirects, a report that takes too long: what comes for one call time and again, while others get through, must not hold them up. */
  private judged(item: RequestItem, error: ConnectorError): Promise<ConnectorError> | ConnectorError {
    if (isRefusedThere(error)) return new ConnectorError("ORG_REFUSED", error.message, { retryable: true, details: error.details, cause: error });
    return this.suspicion.judged(item, error, () => this.othersGetThrough(item));
  }

  private othersGetThrough({ method, headers }: RequestItem): Promise<boolean> {
    const { host } = this.options;
    if (host !== undefined) return this.engagementAnswers(host, headers["pardot-business-unit-id"]);
    return READS.has(method) ? readsGetThrough(this.rest) : writesGetThrough(this.rest);
  }

  /** Whether Account Engagement answers a short question in words of its own, even a refusal. */
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
      if (isPage(path, given)) return callError(given); // no API refuses anything by a page
      return actionError(given, repeatable) ?? requestError(given);
    };
    const answer = await this.rest.raw({ method, path, host, headers: withType, body: body?.content, errorOf, isForeign });
    if (answer.status > 300 && answer.status < 400 && answer.status !== 304) throw redirectError(answer);
    if (answer.status === 300 && !READS.has(method)) throw severalError(answer);
    // a file may be a page; nothing else that is read or written is answered by one
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

/** Cookies open sessions: they do not go into messages. */
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
