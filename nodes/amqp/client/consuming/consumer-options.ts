import type { ChannelModel } from "amqplib";
import type { BackOff } from "../../../common/back-off";
import type { ConnectorError } from "../../../common/errors";
import type { AckTarget, AckWindow } from "./ack-window";
import type { Connection } from "../connection/connection";
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
  /** Name of the queue, or a function that gives it where it changes. */
  queue: string | (() => string);
  /** How many messages may be unacknowledged. It is set per consumer, since RabbitMQ 4.3 refuses a global one. */
  prefetch: number;
  /** How many bytes of large messages may be open at once. Default: an eighth of the memory that Node-RED may use. Streams have no such bound. */
  mostBytes?: number;
  /** What the consumer tags begin with; the broker shows them. */
  tag: string;
  /** Gives the consumer arguments each time a consumer begins. */
  arguments?(): Record<string, unknown>;
  /** Wraps the way of answers from a new channel's window to the broker, for queues that do not take every answer. */
  answers?(broker: AckTarget): AckTarget;
  /** Whether the queue is a stream: it sends whole chunks, and its reader itself holds back what comes above the prefetch. */
  chunks?: boolean;
  /** Declares what is missing; awaited before each consumer begins on a new channel. */
  prepare?(model: ChannelModel): Promise<void>;
  onMessage(taken: Taken): void;
  /** Told when fewer messages than the prefetch are taken at once, since they are large. @param room bytes of them that there is always room for */
  onLarge?(room: number): void;
  /** Told when a channel is lost: the broker takes back what was open on it. */
  onLost(window: AckWindow): void;
  onState(state: ConsumerState): void;
  /** The wait for a queue that is missing or cannot be used. Default: from 5 to 60 s. */
  queueBackOff?: BackOff;
  /** ms until the channel is given up over a request that the broker does not answer. Default 30000. */
  answerTimeout?: number;
  /** ms that {@link ConsumerOptions.prepare} may take on top of that. Default 0. */
  preparation?: number;
}
