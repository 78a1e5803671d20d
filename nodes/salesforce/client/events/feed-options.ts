import type { BackOff } from "../../../common/back-off";
import type { ConnectorError } from "../../../common/errors";
import type { EventIntakeOptions } from "./event-intake";
import type { PositionPlace } from "./event-position";
import type { EventTransport } from "./event-stream";

/** How a feed stands. */
export type FeedState =
  | { kind: "connecting" | "listening" | "full" }
  /** It listens, but the position was lost: all that the org has is read, or only what is new. */
  | { kind: "stale"; read: "all" | "new" }
  /** `waiting` comes back by itself; `failed` needs a hand; `stopped` is not tried again before somebody says so. */
  | { kind: "waiting" | "failed" | "stopped"; error: ConnectorError }
  | { kind: "holding"; reason: string }
  /** It listens, but the position cannot be written at present. */
  | { kind: "unsaved"; reason: string }
  | { kind: "stuck"; count: number };

/** What `EventFeed` needs. */
export interface EventFeedOptions extends Pick<EventIntakeOptions, "settings" | "node" | "runtime" | "poison" | "send" | "isWired" | "onSettled" | "warn"> {
  transport: EventTransport;
  place: PositionPlace;
  /** By the org's clock, in ms since the epoch. */
  now(): number;
  /** When it was told to listen, by the same clock. */
  since(): number;
  error(text: string): void;
  /** Done before the channel is subscribed to, and again until it succeeds. @throws ConnectorError */
  prepare?(): Promise<void>;
  /** Another instance has taken over. */
  onRefused(): void;
  onState(state: FeedState): void;
  /** The stream is lost, by this error; without one it is there. */
  onStream(error?: ConnectorError): void;
  /** The stored position counts, whatever the settings say: it may be another instance's that was here before. */
  takesOver?: boolean;
  /** Ids of events that were settled before, beside those that the position names: they are repeats when they come. */
  settled?: readonly string[];
  /** Between two looks at a store, or two tries to prepare, that fail. Default 1 to 60 s. */
  backOff?: BackOff;
  /** ms between two writes of the position at least. Default 500. */
  every?: number;
  /** ms until a transport that was told of no room is told of a little; of half of the room it is told at once. Default 1000. */
  someRoom?: number;
}

/** What is told of a position that the org does not know any more. */
export const STALE = {
  all: "all that it has retained is read, so that events may come twice",
  new: "only new events are read, so that some are missed",
  stop: "the node stops",
} as const;
