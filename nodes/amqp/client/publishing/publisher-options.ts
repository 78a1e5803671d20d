import type { ConfirmChannel, Options } from "amqplib";
import type { ConnectorError } from "../../../common/errors";
import type { Connection } from "../connection/connection";

/** One message to publish. */
export interface Outgoing {
  /** The exchange. "" is the default exchange: the routing key is the name of a queue then. */
  exchange: string;
  routingKey: string;
  content: Buffer;
  /** Properties and headers, which must be sanitised. With `mandatory`, it is an error if no queue takes the message. */
  options: Options.Publish;
  /** Called when it is the message's turn: false if it is not to be sent any more. Default: it is sent. */
  isWanted?(): boolean;
}

/** What a publisher needs. */
export interface PublisherOptions {
  connection: Connection;
  /**
   * ms after which a message without an answer counts as lost. Default 15000. The time does not run while the broker blocks the connection. It is longer after a
   * channel that has confirmed nothing at all, see {@link ConfirmWatch}.
   */
  confirmTimeout?: number;
  /**
   * Most unconfirmed messages, with at most 16 MiB of content in total; others wait. Default 1000: with more, a plain script is no faster (20,301/s classic, 46,687/s
   * quorum).
   */
  window?: number;
  /** Prepares each new channel before anything is published on it. If it fails, another channel is opened later. */
  onChannel?(channel: ConfirmChannel): Promise<unknown>;
  /** Called when the channel is gone or could not be opened. Another one is opened without further calls. */
  onDown?(error: ConnectorError): void;
}
