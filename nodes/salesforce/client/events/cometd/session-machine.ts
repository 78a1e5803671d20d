import type { Pace } from "../paces";
import type { StreamFailure } from "./failures";

/** Where a session stands. */
export type Phase = "idle" | "authorising" | "handshaking" | "connecting" | "polling" | "resting" | "closed";

/** All there is to know to say what a session does next. */
export interface SessionState {
  phase: Phase;
  /** A new handshake was made at once, and no poll has stood since: the next time it waits, or it would spin. */
  rehandshaken: boolean;
  /** A new token was got, and no poll has stood since: another 401 is not about the token. */
  renewed: boolean;
}

/** What happens to a session. */
export type SessionEvent =
  /** Somebody wants events. */
  | { type: "open" }
  /** There is a token. */
  | { type: "authorised" }
  | { type: "handshaken" }
  /** A poll came back well. */
  | { type: "polled" }
  | { type: "failed"; failure: StreamFailure }
  /** The pause is over. */
  | { type: "rested" }
  /** Nobody wants events any more. */
  | { type: "close" };

/** How long a session pauses: at which pace, or until the org may be asked for a token again. */
export type Pause = Pace | "login";

/** What a session has to do, in order. */
export type SessionAction =
  | { do: "authorise" }
  /** Gets another token than the one that was refused. */
  | { do: "renew" }
  | { do: "handshake" }
  | { do: "subscribe" }
  | { do: "poll" }
  /** Breaks off what is under way, and forgets the client id. */
  | { do: "forget" }
  | { do: "rest"; failure: StreamFailure; pause: Pause }
  /** All is well: the next failure is a first one. */
  | { do: "settle" }
  /** Unsubscribes, says goodbye and breaks off the poll. */
  | { do: "disconnect" };

/** A session before anybody wants events. */
export const IDLE: SessionState = { phase: "idle", rehandshaken: false, renewed: false };

/**
 * What a session does when something happens to it. What does not fit its phase came too late, and changes nothing.
 *
 * Nothing ends a session but `close`: whatever fails, a new handshake follows, at once or after a pause.
 */
export function next(state: SessionState, event: SessionEvent): { state: SessionState; actions: SessionAction[] } {
  const { phase } = state;
  const go = (to: Phase, ...actions: SessionAction[]) => ({ state: { ...state, phase: to }, actions });
  if (phase === "closed") return go("closed");
  switch (event.type) {
    case "close":
      return go("closed", { do: "disconnect" });
    case "open":
      return phase === "idle" ? go("authorising", { do: "authorise" }) : go(phase);
    case "authorised":
      return phase === "authorising" ? go("handshaking", { do: "handshake" }) : go(phase);
    case "handshaken":
      return phase === "handshaking" ? go("connecting", { do: "poll" }) : go(phase);
    case "polled":
      if (phase === "connecting") return go("polling", { do: "subscribe" }, { do: "poll" });
      if (phase !== "polling") return go(phase);
      return { state: { phase, rehandshaken: false, renewed: false }, actions: [{ do: "settle" }, { do: "poll" }] };
    case "rested":
      return phase === "resting" ? go("authorising", { do: "authorise" }) : go(phase);
    case "failed":
      return phase === "idle" || phase === "resting" ? go(phase) : failed(state, event.failure);
  }
}

function failed(state: SessionState, failure: StreamFailure): { state: SessionState; actions: SessionAction[] } {
  const forget: SessionAction = { do: "forget" };
  const rest = (pause: Pause) => ({ state: { ...state, phase: "resting" as const }, actions: [forget, { do: "rest" as const, failure, pause }] });
  switch (failure.kind) {
    case "unknown-client":
      if (state.rehandshaken) return rest("outage");
      return { state: { ...state, phase: "handshaking", rehandshaken: true }, actions: [forget, { do: "handshake" }] };
    case "session":
      // after the pause it may be about the token once more
      if (state.renewed) return { ...rest("refused"), state: { ...state, phase: "resting", renewed: false } };
      return { state: { ...state, phase: "authorising", renewed: true }, actions: [forget, { do: "renew" }] };
    case "outage":
    case "limit":
    case "refused":
    case "login":
      return rest(failure.kind);
  }
}
