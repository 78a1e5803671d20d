import type { ConnectorError } from "../../../common/errors";

/** One event, the same whichever transport brought it. */
export interface StreamEvent {
  /**
   * Position of the event, behind which a later subscription can go on. Only the transport that gave it understands it. CometD: the replay id in decimal;
   * Pub/Sub: its bytes in hex.
   */
  position: string;
  /** The replay id for people, in decimal digits: ids can grow past what a JavaScript number holds exactly. */
  replayId: string;
  /** Id that is the same each time this event comes, and that no other event has. Platform and change events have one. */
  eventUuid?: string;
  /** The kind of the channel. */
  kind: "topic" | "event" | "change" | "generic";
  /**
   * What the flow gets. Platform event: its fields. Change event: `{ChangeEventHeader, …fields}`, where `changedFields`, `nulledFields` and `diffFields`
   * are lists of names. PushTopic: the record. Generic event: its text. Times are ISO 8601 text; whole numbers that a JavaScript number does not hold
   * exactly are text.
   */
  payload: unknown;
  /** Of a PushTopic event: `created`, `updated`, `deleted` or `undeleted`. */
  type?: string;
  /** When the event was made, in ISO 8601. */
  createdDate?: string;
  /** Id of the schema, where the event names one. */
  schema?: string;
  /** Why its content cannot be read, now or later; the payload is then its bytes. */
  unreadable?: ConnectorError;
}

/** Where a subscription begins: with events that come from now on, with all that the org retains, or behind a position. */
export type StartPoint = { from: "new" } | { from: "all" } | { from: "after"; position: string };

/**
 * State of a subscription. `waiting`: it comes back by itself. `failed`: someone has to fix something (the channel does not exist, or may not be read);
 * it tries again at long intervals. `full`: the listener has no room, so no events are asked for. `stopped`: the position is stale, and the listener gave
 * no other start.
 */
export interface StreamState {
  kind: "connecting" | "listening" | "full" | "waiting" | "failed" | "stopped";
  /** Why it is waiting, failed or stopped, or connects anew. */
  error?: ConnectorError;
  /** When it tries again, in ms since the epoch. */
  retryAt?: number;
}

/** Gets the events of a channel. Its methods are called synchronously, and none after {@link Subscription.close} was called. */
export interface StreamListener {
  /** How many more events it takes at present. An event that comes when there is no room is not handed over, and comes again later. */
  room(): number;
  /** Hands over events, in the order of the channel, never more than {@link room}. */
  onEvents(events: readonly StreamEvent[]): void;
  /** The org says that all events up to this position were handed over (an idle message of the Pub/Sub API). */
  onPosition(position: string): void;
  onState(state: StreamState): void;
  /** The org does not know the position, or not any more. @returns where to begin instead; `undefined` to stop */
  onStale(position: string, error: ConnectorError): StartPoint | undefined;
}

/** A subscription of one listener to one channel. */
export interface Subscription {
  /** To be called when there is room again, after {@link StreamListener.room} was 0. */
  more(): void;
  /** Hands nothing over any more, and tells the org so. Resolves after 5 s at the latest. */
  close(): Promise<void>;
}

/**
 * Brings the events of an org: one connection for all its channels. While a subscription is open, it reconnects, renews the token, and goes on behind
 * the event it handed over last, all by itself. One that began with new events and has not handed over any begins with new events again after a loss:
 * a listener that must not miss those that came meanwhile subscribes anew when it is told of the loss.
 */
export interface EventTransport {
  /** @param channel `/event/Device_Alert__e`, `/topic/Open?Status='New'`; case-sensitive */
  subscribe(channel: string, start: StartPoint, listener: StreamListener): Subscription;
  /** Ends all subscriptions and the connection. */
  close(): Promise<void>;
}
