import { ConnectorError, type ConnectorErrorOptions, type ErrorCode, unstopped } from "../../../../common/errors";

/**
 * What to do about an error. `retry`: try the same again later; `renew`: get another access token; `stale`: begin at another position; `mend`: someone
 * has to change something; `limit`: wait for long.
 */
export type Remedy = "retry" | "renew" | "stale" | "mend" | "limit";

/** An error of the Pub/Sub API. */
export class PubsubError extends ConnectorError {
  constructor(
    code: ErrorCode,
    text: string,
    readonly remedy: Remedy,
    options?: ConnectorErrorOptions,
  ) {
    super(code, text, options);
  }
}

/** How a call or a stream ended, as grpc-js says it. */
export interface CallStatus {
  /** Status code of gRPC. */
  code: number;
  details: string;
  metadata: { get(key: string): (string | Buffer)[] };
}

interface Verdict {
  remedy: Remedy;
  code: ErrorCode;
}

const PREFIX = "sfdc.platform.eventbus.grpc.";
const RETRY: Verdict = { remedy: "retry", code: "ORG_UNAVAILABLE" };
const RENEW: Verdict = { remedy: "renew", code: "ORG_SESSION_INVALID" };
const REFUSED: Verdict = { remedy: "mend", code: "CHANNEL_UNAVAILABLE" };
const LIMIT: Verdict = { remedy: "limit", code: "ORG_LIMIT" };

/** By the start of the platform's own code after {@link PREFIX}; the first that fits counts. A code that fits none is one that someone has to fix. */
const BY_ERROR_CODE: [start: string, verdict: Verdict][] = [
  ["service.auth.headers.invalid", REFUSED],
  ["service.auth.", RENEW],
  ["service.tenant.license", REFUSED],
  ["service.", RETRY],
  ["topic.api.unavailable", RETRY],
  ["schema.api.unavailable", RETRY],
  ["subscription.internal.error", RETRY],
  ["publish.stream.sweeper.timeout", RETRY],
  ["publish.internal.error", RETRY],
  // replayid.corrupted or replayid.validation.failed: either way, the org does not know the position we sent
  ["subscription.fetch.replayid.", { remedy: "stale", code: "POSITION_STALE" }],
  // an event came behind one with a higher replay id; a new stream fixes it
  ["subscription.fetch.replay.repeated", RETRY],
  ["subscription.limit.exceeded", LIMIT],
  ["concurrent.client.limit.exceeded", LIMIT],
  ["subscription.concurrent.client.limit.exceeded", LIMIT],
  ["publish.limit.exceeded", LIMIT],
];

/** By gRPC's status code, where the platform gave no code of its own. */
const BY_STATUS: Record<number, Verdict> = {
  3: REFUSED, // INVALID_ARGUMENT
  5: REFUSED, // NOT_FOUND
  7: REFUSED, // PERMISSION_DENIED
  12: REFUSED, // UNIMPLEMENTED: there is no Pub/Sub API at this address
  16: RENEW, // UNAUTHENTICATED
};

/** The error for the end of a call or a stream. @param endpoint the `host:port` that was called, for the text when it cannot be reached */
export function pubsubError(status: CallStatus, endpoint: string): PubsubError {
  const [given] = status.metadata.get("error-code");
  const errorCode = given === undefined ? undefined : String(given);
  const known = errorCode?.startsWith(PREFIX) ? errorCode.slice(PREFIX.length) : undefined;
  const ofCode = known === undefined ? undefined : (BY_ERROR_CODE.find(([start]) => known.startsWith(start))?.[1] ?? REFUSED);
  const { remedy, code } = ofCode ?? BY_STATUS[status.code] ?? RETRY;
  const [rpcId] = status.metadata.get("rpc-id");
  return new PubsubError(code, textOf(status, errorCode, endpoint), remedy, {
    details: {
      grpcStatus: status.code,
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(rpcId === undefined ? {} : { rpcId: String(rpcId) }),
      ...(isLost(status, errorCode) ? { outcomeUnknown: true } : {}),
    },
  });
}

/** Whether the platform may have done what it was asked: there was a connection, and no error code of the platform has come. */
function isLost(status: CallStatus, errorCode: string | undefined): boolean {
  return errorCode === undefined && (BY_STATUS[status.code] ?? RETRY) === RETRY && whyUnreachable(status) === undefined;
}

/** Why there was no connection at all, as far as grpc-js tells; `undefined` when there was one. */
function whyUnreachable({ details }: CallStatus): string | undefined {
  const reason = /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details)?.[1];
  // for a proxy that did not connect, grpc-js says no more than this, and writes the rest to standard error
  if (reason === "undefined") return "the proxy that the environment names does not connect to it, and standard error says why";
  if (reason !== undefined) return reason;
  if (details.startsWith("No connection established")) return "there is no connection";
  if (details.startsWith("Name resolution failed")) return "its name is not known";
  // the call waited for a connection until its deadline, as behind a firewall that drops packets
  return /^Deadline exceeded.*Waiting for LB pick/.test(details) ? "nothing answers" : undefined;
}

function textOf(status: CallStatus, errorCode: string | undefined, endpoint: string): string {
  const unreachable = whyUnreachable(status);
  if (unreachable !== undefined) {
    return `The Pub/Sub API at ${endpoint} cannot be reached: ${unreachable}. Let Node-RED out to that host and port, or name a proxy in HTTPS_PROXY that leads there`;
  }
  const text = unstopped(status.details) || "The Pub/Sub API gave no reason";
  return `${text} (${errorCode ?? `gRPC status ${status.code}`})`;
}
