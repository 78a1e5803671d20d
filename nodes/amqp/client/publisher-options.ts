import type { ConfirmChannel, Options } from "amqplib";
import type { ConnectorError } from "../../common/errors";
import type { Connection } from "./connection";

/** One message to publish. */
export interface Outgoing {
  /** "" is the default exchange: the routing key is a queue's name. */
  exchange: string;
  routingKey: string;
  content: Buffer;
  /** Properties; headers sanitised before. With `mandatory`, a message no queue takes is an error. */
  options: Options.Publish;
  /** Asked when it is its turn. Default: it is. */
  isWanted?(): boolean;
}

/** What a publisher needs. */
export interface PublisherOptions {
  connection: Connection;
  /**
   * ms until a message without an answer counts as lost. Default 15000. Does not run while the broker blocks the connection. Longer after a
   * channel that has confirmed nothing at all: {@link ConfirmWatch} says how much.
   */
  confirmTimeout?: number;
  /** Unconfirmed messages at most, and no more than 16 MiB of content; more wait. Default 1000: beyond it a plain script gains nothing (20,301/s classic, 46,687/s quorum). */
  window?: number;
  /** Prepares each new channel before anything is published on it. When it fails, the channel is made again later. */
  onChannel?(channel: ConfirmChannel): Promise<unknown>;
  /** The channel is gone or could not be made; another follows by itself. */
  onDown?(error: ConnectorError): void;
}
