import type { AddressInfo } from "node:net";
import { Control } from "./control/control";
import type { BusEvent, PublishedEvent } from "./events/bus-event";
import { normalise, type EmulatorOptions } from "./options";
import { Org } from "./org";
import type { PubSubServer } from "./pubsub/server";
import { HttpServer } from "./server";
import type { Row } from "./store/table";

/** A running org. */
export interface Emulator {
  /** For example `http://127.0.0.1:40123`; https with TLS. It is both the login URL and the instance URL. */
  readonly url: string;
  readonly port: number;
  /** Host and port of the Pub/Sub API, for example `127.0.0.1:40124`. Undefined without the option `pubsub`. */
  readonly pubsubEndpoint: string | undefined;
  /** Makes the org misbehave, and reports the requests that it received. */
  readonly control: Control;
  /** Returns copies of an object's records that are not deleted, in the order of creation. Fields without a value are null. */
  records(objectName: string): Row[];
  /** Returns the platform events that were published, oldest first. @param name name of one event. Default: all. */
  events(name?: string): PublishedEvent[];
  /** Returns the events that a channel, such as `/data/CaseChangeEvent`, still keeps, oldest first. @throws Error for a channel that the org does not have */
  channel(name: string): BusEvent[];
  /** Stops listening and cuts every open connection. */
  stop(): Promise<void>;
}

/** Starts an org on this machine. Rejects if the port is in use or an option cannot be used. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const settings = normalise(options);
  const org = new Org(settings);
  const control = new Control(org);
  const http = new HttpServer(org, control);
  await new Promise<void>((resolve, reject) => {
    http.server.once("error", reject);
    http.server.listen(settings.port, settings.host, () => {
      http.server.off("error", reject);
      resolve();
    });
  });
  const { port } = http.server.address() as AddressInfo;
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  const pubsub = settings.pubsub.enabled ? pubsubServer(org) : undefined;
  const pubsubPort = await pubsub?.listen(settings.pubsub.port, settings.host).catch(async (error: unknown) => {
    await http.close();
    throw error;
  });
  let stopping: Promise<unknown> | undefined;
  return {
    url: `${settings.tls ? "https" : "http"}://${host}:${port}`,
    port,
    pubsubEndpoint: pubsubPort === undefined ? undefined : `${host}:${pubsubPort}`,
    control,
    records: (objectName) => org.records(objectName),
    events: (name) => org.events.published(name),
    channel: (name) => org.events.retained(name),
    stop: async () => void (await (stopping ??= Promise.all([http.close(), pubsub?.close()]))),
  };
}

/** Makes the Pub/Sub server. Its code is loaded only here, since the gRPC library takes 100 ms to load. */
function pubsubServer(org: Org): PubSubServer {
  const { PubSubServer: Server } = require("./pubsub/server") as typeof import("./pubsub/server"); // eslint-disable-line @typescript-eslint/no-require-imports -- see above
  return new Server(org);
}
