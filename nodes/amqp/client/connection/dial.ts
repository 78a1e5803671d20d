import { connect, type ChannelModel } from "amqplib";
import type { Duplex } from "node:stream";
import { within } from "../../../common/deadline";
import type { BrokerAddress } from "./broker-url";
import type { ConnectionOptions } from "./connection-options";
import { readAllHeaders } from "../headers/received-headers";
import type { SaslCredentials } from "../sign-in/sign-in";

/** The options of {@link dial}. */
export interface DialOptions extends Pick<ConnectionOptions, "vhost" | "heartbeat" | "connectTimeout" | "tls"> {
  credentials: SaslCredentials;
  /** The name that the broker's management page shows. */
  name: string | undefined;
  /** Ends the attempt to connect. Has no effect once the connection is open. */
  signal: AbortSignal;
}

/**
 * How many addresses of a host name are tried one after the other within the connect timeout. By default, Node.js allows each address except the last only 250 ms
 * (`net.connect`), which a slow connection alone can take. If the last one cannot be reached, such as an IPv6 address without IPv6, no connection would ever be made.
 */
const ADDRESSES = 5;

/**
 * Opens one connection to one host.
 *
 * @returns the connection; the caller must listen to its `error` event before anything else, since one without a listener ends the process
 * @throws the error of the socket, of TLS or of amqplib
 */
export async function dial(address: BrokerAddress, options: DialOptions): Promise<ChannelModel> {
  const { vhost = "/", heartbeat = 15, connectTimeout = 10, tls, credentials, name, signal } = options;
  const attempt = new AbortController();
  const stop = (): void => attempt.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const clientProperties = { product: "node-red-connectors", ...(name === undefined ? {} : { connection_name: name }) };
  const timeout = connectTimeout * 1000;
  const socket = { ...tls, noDelay: true, keepAlive: true, timeout, autoSelectFamilyAttemptTimeout: Math.ceil(timeout / ADDRESSES), clientProperties, credentials, signal: attempt.signal };
  try {
    // The virtual host is encoded because amqplib decodes it. The heartbeat is passed here because amqplib ignores it among the socket's options.
    const model = await connect({ ...address, vhost: encodeURIComponent(vhost), heartbeat }, socket as NonNullable<Parameters<typeof connect>[1]>);
    if (isOpen(model)) {
      readAllHeaders(model);
      return model;
    }
    destroySocket(model);
    throw new Error("the broker closed the connection as soon as it was open");
  } finally {
    signal.removeEventListener("abort", stop); // it would end the socket of the open connection, too
  }
}

/**
 * Whether a new connection is still open. If the broker closes it at once and the event loop was busy, amqplib (2.3.1) reads both in one go and emits the events of the
 * close before anybody can listen to them.
 */
function isOpen(model: ChannelModel): boolean {
  return !(model.connection as unknown as { expectSocketClose?: boolean }).expectSocketClose;
}

/** Closes a connection by the protocol, and destroys its socket at the latest after `deadline` ms: amqplib's own close waits for ever for a broker that does not answer. */
export async function hangUp(model: ChannelModel, deadline: number): Promise<void> {
  try {
    await within(model.close(), deadline);
  } catch {
    // it is closed already
  }
  destroySocket(model);
}

/** Destroys the socket of a connection. amqplib only closes its own half, and a peer that is gone never closes the other. */
export function destroySocket(model: ChannelModel): void {
  streamOf(model)?.destroy();
}

/** Returns the socket of a connection, which is not part of amqplib's types. */
export function streamOf(model: ChannelModel): Duplex | undefined {
  return (model.connection as unknown as { stream?: Duplex }).stream;
}

/** Returns the seconds between heartbeats as agreed with the broker: the shorter of its value and ours. It is not part of amqplib's types. */
export function heartbeatOf(model: ChannelModel): number {
  return (model.connection as unknown as { heartbeat: number }).heartbeat;
}
