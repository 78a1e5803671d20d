import { connect, type ChannelModel } from "amqplib";
import type { Duplex } from "node:stream";
import { within } from "../../common/deadline";
import type { BrokerAddress } from "./broker-url";
import type { ConnectionOptions } from "./connection-options";
import { readAllHeaders } from "./received-headers";
import type { SaslCredentials } from "./sign-in";

/** What is dialled with. */
export interface DialOptions extends Pick<ConnectionOptions, "vhost" | "heartbeat" | "connectTimeout" | "tls"> {
  credentials: SaslCredentials;
  /** Shown by the broker's management page. */
  name: string | undefined;
  /** Ends the attempt; when the connection is open it has no effect. */
  signal: AbortSignal;
}

/**
 * Opens one connection to one host.
 *
 * @returns the model; the caller must listen to its `error` before anything else, or one ends the process
 * @throws what the socket, TLS or amqplib say
 */
export async function dial(address: BrokerAddress, options: DialOptions): Promise<ChannelModel> {
  const { vhost = "/", heartbeat = 15, connectTimeout = 10, tls, credentials, name, signal } = options;
  const attempt = new AbortController();
  const stop = (): void => attempt.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const clientProperties = { product: "node-red-connectors", ...(name === undefined ? {} : { connection_name: name }) };
  const socket = { ...tls, noDelay: true, keepAlive: true, timeout: connectTimeout * 1000, clientProperties, credentials, signal: attempt.signal };
  try {
    // The virtual host is encoded because amqplib decodes it; the heartbeat stands here because it is ignored among the socket's options.
    const model = await connect({ ...address, vhost: encodeURIComponent(vhost), heartbeat }, socket as NonNullable<Parameters<typeof connect>[1]>);
    if (isOpen(model)) {
      readAllHeaders(model);
      return model;
    }
    destroySocket(model);
    throw new Error("the broker closed the connection as soon as it was open");
  } finally {
    signal.removeEventListener("abort", stop); // it would still end the socket
  }
}

/**
 * A broker's farewell that is read together with its welcome, as after a moment in which the event loop was busy, is an event that nobody
 * listens to yet (amqplib 2.3.1).
 */
function isOpen(model: ChannelModel): boolean {
  return !(model.connection as unknown as { expectSocketClose?: boolean }).expectSocketClose;
}

/** Closes by the protocol, and after `deadline` ms by destroying the socket: amqplib's own close waits for ever on a mute broker. */
export async function hangUp(model: ChannelModel, deadline: number): Promise<void> {
  try {
    await within(model.close(), deadline);
  } catch {
    // closed already: all we wanted
  }
  destroySocket(model);
}

/** amqplib only half-closes the socket; a peer that is gone never finishes the other half. */
export function destroySocket(model: ChannelModel): void {
  streamOf(model)?.destroy();
}

/** The socket below a connection. It is not part of amqplib's types. */
export function streamOf(model: ChannelModel): Duplex | undefined {
  return (model.connection as unknown as { stream?: Duplex }).stream;
}

/** Seconds between heartbeats, as agreed with the broker: the shorter of its own and ours. It is not part of amqplib's types. */
export function heartbeatOf(model: ChannelModel): number {
  return (model.connection as unknown as { heartbeat: number }).heartbeat;
}
