import type { BackOff } from "../../../common/back-off";
import type { ConnectorError } from "../../../common/errors";
import type { EventIntakeOptions } from "./event-intake";
import type { PositionPlace } from "./event-position";
import type { EventTransport } from "./event-stream";

/** State of a feed. */
export type FeedState =
  | { kind: "connecting" | "listening" | "full" }
  /** It listens, but the org did not know the position: it reads all that the org retains, or only new events. */
  | { kind: "stale"; read: "all" | "new" }
  /** `waiting`: it comes back by itself. `failed`: someone has to fix something. `stopped`: it does not try again before it is told to. */
  | { kind: "waiting" | "failed" | "stopped"; error: ConnectorError }
  /** A node behind waits for its system, so no events are taken. */
  | { kind: "holding"; reason: string }
  /** It listens, but the position cannot be stored at present. */
  | { kind: "unsaved"; reason: string }
  /** So many dead letters wait, since nothing is wired to take them. */
  | { kind: "stuck"; count: number };

/** What `EventFeed` needs. */
export interface EventFeedOptions extends Pick<EventIntakeOptions, "settings" | "node" | "runtime" | "poison" | "send" | "isWired" | "onSettled" | "warn"> {
  transport: EventTransport;
  place: PositionPlace;
  /** The time by the org's clock, in ms since the epoch. */
  now(): number;
  /** When it was told to listen: by the org's clock, in ms since the epoch. */
  since(): number;
  error(text: string): void;
  /** Called before the channel is subscribed to, and again until it succeeds. @throws ConnectorError */
  prepare?(): Promise<void>;
  /** Told when another instance has taken over. */
  onRefused(): void;
  onState(state: FeedState): void;
  /** Told that the stream is lost, with the error, or that it is there, without one. */
  onStream(error?: ConnectorError): void;
  /** Whether to begin at the stored position whatever the settings say, since another instance may have written it. */
  takesOver?: boolean;
  /** Ids of events that were settled before, in addition to those stored with the position. They count as repeats when they come. */
  settled?: readonly string[];
  /** Pauses between tries to read the position and to prepare. Default: 1 to 60 s. */
  backOff?: BackOff;
  /** Shortest time between two writes of the position, in ms. Default 500. */
  every?: number;
  /** ms until a transport that was told of no room is told that there is some again. When half of the room is free, it is told at once. Default 1000. */
  someRoom?: number;
}

/** For the warning about a position that the org does not know any more: what happens then, by the setting. */
export const STALE = {
  all: "all that it has retained is read, so that events may come twice",
  new: "only new events are read, so that some are missed",
  stop: "the node stops",
} as const;
