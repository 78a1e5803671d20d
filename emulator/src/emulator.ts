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
  /** For example `http://127.0.0.1:40123`, https with TLS: login URL and instance URL in one. */
  readonly url: string;
  readonly port: number;
  /** Where the Pub/Sub API is served, for example `127.0.0.1:40124`; undefined without the option `pubsub`. */
  readonly pubsubEndpoint: string | undefined;
  /** Makes the org misbehave, and tells what it was asked. */
  readonly control: Control;
  /** Live records of an object as plain copies, in the order they were created; null for what is not set. */
  records(objectName: string): Row[];
  /** Platform events that were published, oldest first. @param name one event's; default all */
  events(name?: string): PublishedEvent[];
  /** What a channel still has, oldest first, for example of `/data/CaseChangeEvent`. @throws Error for a channel the org does not have */
  channel(name: string): BusEvent[];
  /** Stops listening and cuts every open connection. */
  stop(): Promise<void>;
}

/** Starts an org on this machine. Rejects when the port is taken or an option cannot be used. */
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

/** Loaded when it is asked for: what speaks gRPC takes 100 ms to load. */
function pubsubServer(org: Org): PubSubServer {
  const { PubSubServer: Server } = require("./pubsub/server") as typeof import("./pubsub/server"); // eslint-disable-line @typescript-eslint/no-require-imports -- see above
  return new Server(org);
}
