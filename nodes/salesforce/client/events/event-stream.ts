import type { ConnectorError } from "../../../common/errors";

/** One event, the same whichever transport brought it. */
export interface StreamEvent {
  /** Where to go on behind it: opaque, and understood by the transport that gave it. CometD: the replay id in decimal; Pub/Sub: its bytes in hex. */
  position: string;
  /** The replay id for people, in decimal: ids can grow past what a number holds exactly. */
  replayId: string;
  /** Tells the event from all others, however often it comes; platform and change events have one. */
  eventUuid?: string;
  /** Which kind of channel. */
  kind: "topic" | "event" | "change" | "generic";
  /**
   * What happened, for the flow: fields of a platform event; `{ChangeEventHeader, …fields}` of a change event, with `changedFields`, `nulledFields`
   * and `diffFields` as lists of names; the record of a PushTopic; the text of a generic event. Times are ISO 8601 text, whole numbers too long
   * to be exact are text.
   */
  payload: unknown;
  /** Of a PushTopic event: created, updated, deleted, undeleted. */
  type?: string;
  /** ISO 8601. */
  createdDate?: string;
  /** Id of the schema, where the event names one. */
  schema?: string;
  /** Why its content cannot be read, and never will be: the payload is its bytes. */
  unreadable?: ConnectorError;
}

/** Where a subscription begins: with what comes from now on, with all that is retained, or behind a position. */
export type StartPoint = { from: "new" } | { from: "all" } | { from: "after"; position: string };

/**
 * How a subscription stands. `waiting`: it comes back by itself; `failed`: someone has to mend something (a channel that does not exist, no access),
 * it is tried again slowly; `full`: the listener has no room, so nothing is asked for; `stopped`: a stale position, and nothing to go on from.
 */
export interface StreamState {
  kind: "connecting" | "listening" | "full" | "waiting" | "failed" | "stopped";
  /** Why, when waiting, failed or stopped, or connecting anew. */
  error?: ConnectorError;
  /** When it is tried again, in ms since the epoch. */
  retryAt?: number;
}

/** Who gets the events of a channel. Everything is called synchronously, never after {@link Subscription.close} was called. */
export interface StreamListener {
  /** How many more events it takes at present. An event that comes when there is no room is not handed over: it comes again later. */
  room(): number;
  /** In the order of the channel, never more than {@link room}. */
  onEvents(events: readonly StreamEvent[]): void;
  /** The org says that there is nothing up to here that was not handed over (Pub/Sub's idle messages). */
  onPosition(position: string): void;
  onState(state: StreamState): void;
  /** The org does not know the position (any more). @returns where to begin instead; undefined to stop */
  onStale(position: string, error: ConnectorError): StartPoint | undefined;
}

/** A subscription of one listener to one channel. */
export interface Subscription {
  /** There is room again, after {@link StreamListener.room} was 0. */
  more(): void;
  /** Hands nothing over any more, and tells the org. Settles in 5 s at the latest. */
  close(): Promise<void>;
}

/**
 * What brings an org's events: one connection for all channels. A subscription looks after itself: it reconnects, renews the token, and goes on
 * behind the event it handed over last, for as long as it is open. One that began with what is new and has handed over nothing begins with what is
 * new once more: a listener that must not miss what came meanwhile subscribes anew when it is told of the loss.
 */
export interface EventTransport {
  /** @param channel `/event/Device_Alert__e`, `/topic/Open?Status='New'`; case-sensitive */
  subscribe(channel: string, start: StartPoint, listener: StreamListener): Subscription;
  /** Ends all subscriptions and the connection. */
  close(): Promise<void>;
}
