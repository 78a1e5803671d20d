import assert from "node:assert/strict";
import { unstopped } from "../../../../../nodes/common/errors";
import type { BayeuxMessage } from "../../../../../nodes/salesforce/client/events/cometd/bayeux";
import { answerFailure, noAnswer, replyFailure } from "../../../../../nodes/salesforce/client/events/cometd/failures";
import { NetworkError } from "../../../../../nodes/salesforce/client/http/transport";

const reply = (what: "handshake" | "connect" | "subscribe", error?: string, rest: Partial<BayeuxMessage> = {}): BayeuxMessage => ({
  channel: `/meta/${what}`,
  successful: false,
  ...(error === undefined ? {} : { error }),
  ...rest,
});
const because = (failureReason: string): Partial<BayeuxMessage> => ({ ext: { sfdc: { failureReason } } });
const advice = (reconnect: string): Partial<BayeuxMessage> => ({ advice: { reconnect } });

const REPLIES: [kind: string, code: string, BayeuxMessage][] = [
  ["unknown-client", "ORG_UNAVAILABLE", reply("connect", "403::Unknown client", advice("handshake"))],
  ["unknown-client", "ORG_UNAVAILABLE", reply("connect", "403::Unknown client", advice("none"))],
  ["unknown-client", "ORG_UNAVAILABLE", reply("connect", "402::Unknown client")],
  ["unknown-client", "ORG_UNAVAILABLE", reply("subscribe", "403::Unknown client")],
  ["unknown-client", "ORG_UNAVAILABLE", reply("connect", "403::Client has not completed handshake")],
  ["unknown-client", "ORG_UNAVAILABLE", reply("connect", "400::Client l0s1 has established a session, but no BAYEUX_BROWSER cookie present")],
  ["unknown-client", "ORG_UNAVAILABLE", reply("connect", undefined, advice("handshake"))],
  ["session", "ORG_SESSION_INVALID", reply("connect", "401::Authentication invalid", advice("none"))],
  ["session", "ORG_SESSION_INVALID", reply("handshake", "403::Handshake denied", because("401::Authentication invalid"))],
  ["session", "ORG_SESSION_INVALID", reply("handshake", "403::Handshake denied", because("401::Request requires authentication"))],
  ["session", "ORG_SESSION_INVALID", reply("subscribe", "401::Authentication invalid")],
  ["outage", "ORG_UNAVAILABLE", reply("connect", "401::Authentication invalid", because("503::Server is too busy.  Please try your request again later."))],
  ["outage", "ORG_UNAVAILABLE", reply("handshake", "403::Handshake denied", because("403::To protect all customers from excessive use and Denial of Service attacks, …"))],
  ["outage", "ORG_UNAVAILABLE", reply("handshake", "403::Organization concurrent user limit exceeded")],
  ["outage", "ORG_UNAVAILABLE", reply("subscribe", "503::Server is too busy.  Please try your request again later.")],
  ["outage", "ORG_UNAVAILABLE", reply("connect", "403::Something nobody has seen yet", advice("none"))],
  ["outage", "ORG_UNAVAILABLE", reply("connect")],
  ["limit", "ORG_LIMIT", reply("connect", "403::Organization total events daily limit exceeded")],
  ["limit", "ORG_LIMIT", reply("subscribe", "403::Organization total events daily limit exceeded")],
  ["refused", "ORG_LOGIN_FAILED", reply("handshake", "403::User not enabled for streaming")],
  ["refused", "ORG_LOGIN_FAILED", reply("handshake", "403::Handshake denied")],
  ["refused", "ORG_OBJECT_UNKNOWN", reply("handshake", "400::Unsupported API version. Only API versions '37.0' and later are supported.")],
  ["stale", "POSITION_STALE", reply("subscribe", "400::The replayId {82} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.")],
  ["stale", "POSITION_STALE", reply("subscribe", "400::The replayId {82} you provided was invalid. Please provide a valid ID")],
  ["refused", "CHANNEL_UNAVAILABLE", reply("subscribe", "400::The replayId for channel {/topic/x} wasn't found using the provided replay ID map {{}}.")],
  ["refused", "CHANNEL_UNAVAILABLE", reply("subscribe", "400::The channel you requested to subscribe to doesn’t exist {/event/X__e}")],
  ["refused", "CHANNEL_UNAVAILABLE", reply("subscribe", "403::Subscriber does not have access to the entity in this topic")],
  ["refused", "CHANNEL_UNAVAILABLE", reply("subscribe", "403:denied_by_security_policy:subscribe_denied")],
  ["refused", "CHANNEL_UNAVAILABLE", reply("subscribe", "404::Unknown channel")],
];

const ANSWERS: [kind: string, status: number, body: string][] = [
  ["outage", 200, "<html>Down for maintenance</html>"],
  ["outage", 302, ""],
  ["outage", 500, "<html>"],
  ["outage", 503, ""],
  ["outage", 408, ""],
  ["outage", 404, "<html>"],
  ["session", 401, "[]"],
  ["session", 401, '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'],
  ["outage", 403, '[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]'],
  ["refused", 403, '[{"message":"The API is not enabled for this Organization","errorCode":"API_DISABLED_FOR_ORG"}]'],
];

describe("What a failure of the event stream asks for", () => {
  for (const [kind, code, message] of REPLIES) {
    const reason = message.ext?.sfdc?.failureReason ?? message.error ?? "nothing";
    it(`${kind} when ${message.channel} says "${reason}"${message.advice ? ` and advises ${message.advice.reconnect}` : ""}`, () => {
      const failure = replyFailure(message);
      assert.deepEqual([failure.kind, failure.error.code, failure.error.scope], [kind, code, "system"]);
      if (reason !== "nothing") assert.ok(failure.error.message.endsWith(`: ${unstopped(reason)}`));
    });
  }

  for (const [kind, status, body] of ANSWERS) {
    it(`${kind} when the answer is HTTP ${status} with ${body || "nothing"}`, () => {
      const failure = answerFailure({ status, body, bytes: Buffer.from(body), headers: {} });
      assert.deepEqual([failure.kind, failure.error.scope], [kind, "system"]);
    });
  }

  it("waits as long as the org asks for", () => {
    assert.equal(answerFailure({ status: 503, body: "", bytes: Buffer.alloc(0), headers: { "retry-after": "30" } }).error.details.retryAfter, 30_000);
  });

  it("outage when no answer comes, or one that is too large", () => {
    for (const code of ["ECONNRESET", "TIMEOUT", "ANSWER_TOO_LARGE"]) {
      const { kind, error } = noAnswer(new NetworkError("x broke", code, true));
      assert.deepEqual([kind, error.code], ["outage", "ORG_UNAVAILABLE"]);
    }
  });
});
