import assert from "node:assert/strict";
import { ConnectorError } from "../../../../../nodes/common/errors";
import type { FailureKind } from "../../../../../nodes/salesforce/client/events/cometd/failures";
import { IDLE, next, type Phase, type SessionEvent, type SessionState } from "../../../../../nodes/salesforce/client/events/cometd/session-machine";

const at = (phase: Phase, flags: Partial<SessionState> = {}): SessionState => ({ ...IDLE, phase, ...flags });
const failed = (kind: FailureKind): SessionEvent => ({ type: "failed", failure: { kind, error: new ConnectorError("ORG_UNAVAILABLE", kind) } });
const fresh = { rehandshaken: true };
const renewed = { renewed: true };

/** What a session in a state does at an event, and where it is then. */
const TABLE: [sentence: string, from: SessionState, event: SessionEvent, to: SessionState, does: string][] = [
  ["gets a token when somebody wants events", IDLE, { type: "open" }, at("authorising"), "authorise"],
  ["shakes hands with the token", at("authorising"), { type: "authorised" }, at("handshaking"), "handshake"],
  ["polls after the handshake", at("handshaking"), { type: "handshaken" }, at("connecting"), "poll"],
  ["subscribes after the first poll, and polls on", at("connecting"), { type: "polled" }, at("polling"), "subscribe, poll"],
  ["polls on, and counts failures anew", at("polling", { ...fresh, ...renewed }), { type: "polled" }, at("polling"), "settle, poll"],
  ["does not count failures anew for the first poll", at("connecting", fresh), { type: "polled" }, at("polling", fresh), "subscribe, poll"],

  ["shakes hands anew when the server has forgotten it", at("polling"), failed("unknown-client"), at("handshaking", fresh), "forget, handshake"],
  ["pauses when it is forgotten again before a poll stood", at("polling", fresh), failed("unknown-client"), at("resting", fresh), "forget, rest outage"],
  ["gets another token when its own is over", at("polling"), failed("session"), at("authorising", renewed), "forget, renew"],
  ["gets another token when the handshake refuses its own", at("handshaking"), failed("session"), at("authorising", renewed), "forget, renew"],
  ["pauses long when another token is refused, too", at("handshaking", renewed), failed("session"), at("resting"), "forget, rest refused"],
  ["may ask for a token after having been forgotten", at("handshaking", fresh), failed("session"), at("authorising", { ...fresh, ...renewed }), "forget, renew"],
  ["pauses in an outage", at("polling"), failed("outage"), at("resting"), "forget, rest outage"],
  ["pauses in an outage at the handshake", at("handshaking"), failed("outage"), at("resting"), "forget, rest outage"],
  ["pauses when the day's events are used up", at("polling"), failed("limit"), at("resting"), "forget, rest limit"],
  ["pauses when it is refused", at("handshaking"), failed("refused"), at("resting"), "forget, rest refused"],
  ["waits for the org when there is no token", at("authorising"), failed("login"), at("resting"), "forget, rest login"],
  ["begins with the token there is after a pause", at("resting", fresh), { type: "rested" }, at("authorising", fresh), "authorise"],

  ["says goodbye while it polls", at("polling"), { type: "close" }, at("closed"), "disconnect"],
  ["ends in the middle of a handshake", at("handshaking"), { type: "close" }, at("closed"), "disconnect"],
  ["ends in a pause", at("resting"), { type: "close" }, at("closed"), "disconnect"],
];

/** What comes too late, or twice. */
const LATE: [SessionState, SessionEvent][] = [
  [at("closed"), { type: "close" }],
  [at("closed"), { type: "open" }],
  [at("closed"), { type: "polled" }],
  [at("closed"), { type: "rested" }],
  [at("closed"), failed("session")],
  [at("polling"), { type: "open" }],
  [at("resting"), { type: "open" }],
  [at("resting"), { type: "polled" }],
  [at("resting"), failed("outage")],
  [at("polling"), { type: "rested" }],
  [at("polling"), { type: "handshaken" }],
  [at("handshaking"), { type: "polled" }],
  [at("handshaking"), { type: "authorised" }],
  [IDLE, failed("outage")],
];

describe("A Bayeux session", () => {
  for (const [sentence, from, event, to, does] of TABLE) {
    it(sentence, () => {
      const { state, actions } = next(from, event);
      assert.deepEqual(state, to);
      assert.equal(actions.map((action) => (action.do === "rest" ? `rest ${action.pause}` : action.do)).join(", "), does);
    });
  }

  for (const [state, event] of LATE) {
    it(`is not changed by "${event.type}" while ${state.phase}`, () => assert.deepEqual(next(state, event), { state, actions: [] }));
  }

  it("goes on after every failure in every phase", () => {
    const kinds: FailureKind[] = ["unknown-client", "session", "outage", "limit", "refused", "login"];
    const phases: Phase[] = ["authorising", "handshaking", "connecting", "polling"];
    for (const kind of kinds) {
      for (const phase of phases) {
        for (const flags of [{}, fresh, renewed, { ...fresh, ...renewed }]) {
          const { actions } = next(at(phase, flags), failed(kind));
          assert.match(actions.at(-1)?.do ?? "nothing", /^(handshake|renew|rest)$/, `${kind} while ${phase}`);
        }
      }
    }
  });
});
