import { ConnectorError, unstopped } from "../../../../common/errors";
import { callError, foreignAnswer, isRedirect, networkError } from "../../errors";
import type { HttpAnswer } from "../../http/transport";
import type { BayeuxMessage } from "./bayeux";

/**
 * What to do after a failure.
 *
 * - `unknown-client`: the server has forgotten the session; make a new handshake with the same token.
 * - `session`: the token is not valid any more; get a new one.
 * - `outage`: the org is busy, broken or out of reach; try again later with the same token.
 * - `limit`: the day's events are used up; try again much later.
 * - `refused`: someone has to fix something; try again at long intervals.
 * - `login`: no token can be had; the org knows when to try again.
 */
export type FailureKind = "unknown-client" | "session" | "outage" | "limit" | "refused" | "login";

/** Why a session, or a subscription, cannot go on. */
export interface StreamFailure<K extends string = FailureKind> {
  kind: K;
  error: ConnectorError;
}

/** Why one subscription failed: for a reason a session can fail for, or (`stale`) because the org does not know the position. */
export type SubscribeFailure = StreamFailure<FailureKind | "stale">;

/** Kinds of failures by the reply's text; the first that fits counts. Texts vary between versions of the org, so the expressions match no more than is needed. */
const KINDS: [RegExp, FailureKind | "stale"][] = [
  [/unknown client|session_unknown|not completed handshake|no BAYEUX_BROWSER|does not match the session/i, "unknown-client"],
  [/^401\b/, "session"],
  [/events daily limit exceeded/i, "limit"],
  [/^(408|429|5\d\d)\b|protect all customers|concurrent user limit/i, "outage"],
  [/^400::The replayId \{.*invalid/i, "stale"],
];

/** The failure that a reply which is not `successful` stands for. */
export function replyFailure(reply: BayeuxMessage): SubscribeFailure {
  const reason = reasonOf(reply);
  const kind = KINDS.find(([text]) => text.test(reason))?.[1] ?? unknownKind(reply);
  return { kind, error: replyError(reply, kind, reason) };
}

/** The failure that an answer without Bayeux messages stands for. */
export function answerFailure(answer: HttpAnswer): StreamFailure {
  if (isRedirect(answer.status)) return { kind: "outage", error: foreignAnswer(answer) };
  if (answer.status < 400) {
    const page = /<html/i.test(answer.body) ? "a web page" : "something";
    return { kind: "outage", error: new ConnectorError("ORG_UNAVAILABLE", `The org's event stream answered with ${page} that is not of its protocol (HTTP ${answer.status})`) };
  }
  const error = callError(answer);
  // callError is made for REST, where a 401 without a reason is not about the token; here it is
  if (answer.status === 401 || error.code === "ORG_SESSION_INVALID") return { kind: "session", error: new ConnectorError("ORG_SESSION_INVALID", error.message) };
  if (error.code === "ORG_UNAVAILABLE" || error.code === "ORG_LIMIT") return { kind: "outage", error };
  return { kind: "refused", error: new ConnectorError("ORG_LOGIN_FAILED", error.message, { details: error.details }) };
}

/** The failure when no answer came. */
export function noAnswer(cause: unknown): StreamFailure {
  const error = networkError(cause);
  return { kind: "outage", error: error.code === "ORG_UNAVAILABLE" ? error : new ConnectorError("ORG_UNAVAILABLE", error.message, { cause }) };
}

/** The reason of a reply: `failureReason` rather than `error`, since a server that is too busy says "401" in `error` and "503" in `failureReason`. */
function reasonOf({ ext, error }: BayeuxMessage): string {
  return String(ext?.sfdc?.failureReason ?? error ?? "").trim();
}

function unknownKind({ channel, advice }: BayeuxMessage): FailureKind {
  if (channel === "/meta/subscribe") return "refused";
  if (advice?.reconnect === "handshake") return "unknown-client";
  return channel === "/meta/handshake" ? "refused" : "outage";
}

function replyError(reply: BayeuxMessage, kind: FailureKind | "stale", reason: string): ConnectorError {
  const words = unstopped(reason) || "it gave no reason";
  const details = { reason };
  if (kind === "session") return new ConnectorError("ORG_SESSION_INVALID", `The org has ended the session of the event stream: ${words}`, { details });
  if (kind === "limit") return new ConnectorError("ORG_LIMIT", `The org sends no more events today: ${words}`, { details });
  if (kind === "stale") return new ConnectorError("POSITION_STALE", `The org does not keep the events of ${reply.subscription ?? "the channel"} from there on: ${words}`, { details });
  if (kind !== "refused") return new ConnectorError("ORG_UNAVAILABLE", `The org has broken off the event stream: ${words}`, { details });
  if (reply.channel === "/meta/subscribe") return new ConnectorError("CHANNEL_UNAVAILABLE", `The org refused the subscription to ${reply.subscription ?? "the channel"}: ${words}`, { details });
  const code = /API version/i.test(reason) ? "ORG_OBJECT_UNKNOWN" : "ORG_LOGIN_FAILED";
  return new ConnectorError(code, `The org refused the event stream: ${words}`, { details });
}
