import type { Pace } from "../paces";
import type { StreamFailure } from "./failures";

/** Phase of a session. */
export type Phase = "idle" | "authorising" | "handshaking" | "connecting" | "polling" | "resting" | "closed";

/** All that decides what a session does next. */
export interface SessionState {
  phase: Phase;
  /** Whether a new handshake was made without a pause, and no poll has succeeded since. The next one then follows a pause, so that it does not spin. */
  rehandshaken: boolean;
  /** Whether a new token was got, and no poll has succeeded since. Another 401 is then not about the token. */
  renewed: boolean;
}

/** What happens to a session. */
export type SessionEvent =
  /** The first channel was added. */
  | { type: "open" }
  /** There is a token. */
  | { type: "authorised" }
  | { type: "handshaken" }
  /** A poll succeeded. */
  | { type: "polled" }
  | { type: "failed"; failure: StreamFailure }
  /** The pause is over. */
  | { type: "rested" }
  /** No events are wanted any more. */
  | { type: "close" };

/** Which pause a session makes: one of a pace, or (`login`) until the org may be asked for a token again. */
export type Pause = Pace | "login";

/** What a session has to do. */
export type SessionAction =
  | { do: "authorise" }
  /** Gets another token than the one that was refused. */
  | { do: "renew" }
  | { do: "handshake" }
  | { do: "subscribe" }
  | { do: "poll" }
  /** Breaks off what is running, and drops the client. */
  | { do: "forget" }
  | { do: "rest"; failure: StreamFailure; pause: Pause }
  /** All is well: pauses begin with the shortest again. */
  | { do: "settle" }
  /** Unsubscribes, disconnects and breaks off the poll. */
  | { do: "disconnect" };

/** A session without channels. */
export const IDLE: SessionState = { phase: "idle", rehandshaken: false, renewed: false };

/**
 * Decides what a session does after an event. An event that does not fit the phase came too late, and changes nothing.
 *
 * Only `close` ends a session. After any failure, a new handshake follows, at once or after a pause.
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
      // after the pause, another refusal may be about the token again
      if (state.renewed) return { ...rest("refused"), state: { ...state, phase: "resting", renewed: false } };
      return { state: { ...state, phase: "authorising", renewed: true }, actions: [forget, { do: "renew" }] };
    case "outage":
    case "limit":
    case "refused":
    case "login":
      return rest(failure.kind);
  }
}
