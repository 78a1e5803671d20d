import type { ChannelModel } from "amqplib";
import type { BackOff } from "../../common/back-off";
import type { ConnectorError } from "../../common/errors";
import type { AckTarget, AckWindow } from "./ack-window";
import type { Connection } from "./connection";
import type { Taken } from "./taking-channel";

/** What a consumer is doing. */
export type ConsumerState =
  | { kind: "starting" }
  | { kind: "consuming" }
  | { kind: "paused" }
  /** `delay`: ms until the next try, when the consumer itself will try; otherwise it waits for its connection */
  | { kind: "waiting"; error: ConnectorError; delay?: number };

/** What a consumer needs. */
export interface ConsumerOptions {
  connection: Connection;
  /** Its name; a function where that changes. */
  queue: string | (() => string);
  /** Unacknowledged messages at most. Always per consumer: the broker of 4.3 refuses the global kind. */
  prefetch: number;
  /** Bytes of large messages that may be open at once. Default: an eighth of what Node-RED may use. Not for streams. */
  mostBytes?: number;
  /** Begins the consumer tag that the broker shows. */
  tag: string;
  /** Consumer arguments, asked for each time it begins to consume. */
  arguments?(): Record<string, unknown>;
  /** Stands between the window of a new channel and the broker, for queues that do not take every answer. */
  answers?(broker: AckTarget): AckTarget;
  /** A stream sends whole chunks, so its reader holds back what comes above the prefetch itself. */
  chunks?: boolean;
  /** Declares what is missing, before each start. */
  prepare?(model: ChannelModel): Promise<void>;
  onMessage(taken: Taken): void;
  /** Fewer messages than the prefetch are taken at once from now on, since they are large. @param room bytes of them that there is always room for */
  onLarge?(room: number): void;
  /** The channel is gone, and the broker takes back what was open on it. */
  onLost(window: AckWindow): void;
  onState(state: ConsumerState): void;
  /** Waiting for a queue that is missing or cannot be used. Default 5 → 60 s. */
  queueBackOff?: BackOff;
  /** ms until a request the broker does not answer costs the channel. Default 30000. */
  answerTimeout?: number;
  /** ms that {@link ConsumerOptions.prepare} may take besides. Default 0. */
  preparation?: number;
}
