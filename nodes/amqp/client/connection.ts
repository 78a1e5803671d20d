import { connect, type ChannelModel } from "amqplib";
import type { Duplex } from "node:stream";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { BackOff } from "../../common/back-off";
import { ConnectorError } from "../../common/errors";
import { within } from "./deadline";
import { connectionFailure, type ConnectionFailure } from "./errors";

/** Where and how to connect. */
export interface ConnectionOptions {
  /** `amqp(s)://host:port`, without credentials; tried in turn. At least one. */
  urls: string[];
  /** Virtual host. Default `/`. */
  vhost?: string;
  username?: string;
  password?: string;
  /** Seconds between heartbeats. Default 15: under 5 s gives false alarms, and the server's 60 s notices a dead link late. */
  heartbeat?: number;
  /** Seconds until a host that does not answer is given up. Default 10. */
  connectTimeout?: number;
  /** Shown by the broker's management page. */
  name?: string;
  /** Passed to `tls.connect` for `amqps:` URLs. */
  tls?: TlsOptions;
  /** One line when the connection is lost or refused, one when it is back. Never holds credentials. */
  log?: (level: "info" | "warn" | "error", text: string) => void;
  /** Waiting after network errors. Default 1 → 60 s, full jitter. */
  backOff?: BackOff;
  /** Waiting after a refusal (password, vhost, certificate): nothing but a human mends it. Default 60 → 300 s. */
  slowBackOff?: BackOff;
}

/** What a connection is doing, as its users are told. */
export type ConnectionState =
  | { kind: "idle" }
  | { kind: "connecting" }
  | { kind: "connected" }
  /** `delay`: ms until the next try; `until`: when that is, in ms since 1970 */
  | { kind: "reconnecting"; delay: number; until: number; error: ConnectorError }
  | { kind: "refused"; delay: number; until: number; error: ConnectorError }
  | { kind: "blocked"; reason: string }
  | { kind: "closed" };

/** What a user of the connection may listen to. */
export interface ConnectionListener {
  up?(model: ChannelModel): void;
  down?(error: ConnectorError): void;
  state?(state: ConnectionState): void;
}

/** So many refusals that may pass by themselves (a server that starts, or that took the same login before) stay in the fast lane. */
const PATIENCE = 3;

/** ms. A connection that lived this long starts its back-off anew; one that the broker takes and drops at once waits longer each time. */
const STABLE_AFTER = 10_000;

/**
 * One supervised connection: opened on first need, made anew for ever, closed within a deadline.
 * Channels and consumers are not its business; who needs them listens to `up` and `down`.
 */
export class Connection {
  private current: ChannelModel | undefined;
  private currentState: ConnectionState = { kind: "idle" };
  private readonly listeners = new Set<ConnectionListener>();
  private readonly backOff: BackOff;
  private readonly slowBackOff: BackOff;
  private timer: NodeJS.Timeout | undefined;
  private connecting: AbortController | undefined;
  private urlIndex = 0;
  private everConnected = false;
  private upSince = 0;
  /** So many connections in a row did not live for {@link STABLE_AFTER}. */
  private drops = 0;
  private refusals = 0;
  private logged: string | undefined;

  /** @throws ConnectorError NOT_CONFIGURED when there is no URL or one that is none; the text does not repeat it, since it may hold a password */
  constructor(private readonly options: ConnectionOptions) {
    if (options.urls.length === 0) throw new ConnectorError("NOT_CONFIGURED", "The broker has no URL");
    for (const url of options.urls) parseUrl(url);
    this.backOff = options.backOff ?? new BackOff();
    this.slowBackOff = options.slowBackOff ?? new BackOff({ initial: 60_000, max: 300_000, random: () => 1 });
  }

  /** The open connection, while there is one. */
  get model(): ChannelModel | undefined {
    return this.current;
  }

  get state(): ConnectionState {
    return this.currentState;
  }

  /** Starts to connect, if that has not begun. */
  open(): void {
    if (this.currentState.kind === "idle") void this.attempt();
  }

  /** Tries now instead of when the back-off ends: there is reason to think that the broker is back. Not when it keeps dropping us. */
  hurry(): void {
    if (this.drops > 1 || (this.currentState.kind !== "reconnecting" && this.currentState.kind !== "refused")) return;
    clearTimeout(this.timer);
    void this.attempt();
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: ConnectionListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Closes for good: within `deadline` ms by the protocol, then by destroying the socket (amqplib's own close waits for ever on a mute broker). */
  async close(deadline = 2_000): Promise<void> {
    if (this.currentState.kind === "closed") return;
    clearTimeout(this.timer);
    this.connecting?.abort();
    const model = this.current;
    this.current = undefined;
    this.setState({ kind: "closed" });
    this.listeners.clear();
    if (model) await hangUp(model, deadline);
  }

  private get closed(): boolean {
    return this.currentState.kind === "closed";
  }

  private async attempt(): Promise<void> {
    const url = parseUrl(this.options.urls[this.urlIndex % this.options.urls.length] ?? "");
    const where = `${url.hostname}:${url.port}`;
    this.setState({ kind: "connecting" });
    const abort = (this.connecting = new AbortController());
    try {
      const model = await connect(this.target(url), this.socketOptions(abort.signal));
      // Listeners before anything else: an `error` event without one ends the process.
      let cause: unknown;
      model.on("error", (error) => (cause = error));
      model.on("close", (error) => this.lost(model, cause ?? error, where));
      model.on("blocked", (reason) => this.setState({ kind: "blocked", reason }));
      model.on("unblocked", () => this.setState({ kind: "connected" }));
      this.connecting = undefined; // its signal would still end the socket
      if (this.closed) return await hangUp(model, 1_000);
      this.established(model, where);
    } catch (error) {
      if (!this.closed) this.failed(error, where);
    }
  }

  private target(url: ParsedUrl): Parameters<typeof connect>[0] {
    const { vhost = "/", username = "guest", password = "guest", heartbeat = 15 } = this.options;
    // Encoded, because amqplib decodes it; heartbeat here, because amqplib ignores it among the socket's options.
    return { protocol: url.protocol, hostname: url.hostname, port: url.port, vhost: encodeURIComponent(vhost), username, password, heartbeat };
  }

  private socketOptions(signal: AbortSignal): NonNullable<Parameters<typeof connect>[1]> {
    const { name, tls, connectTimeout = 10 } = this.options;
    const clientProperties = { product: "node-red-connectors", ...(name === undefined ? {} : { connection_name: name }) };
    return { ...tls, noDelay: true, keepAlive: true, timeout: connectTimeout * 1000, clientProperties, signal } as NonNullable<Parameters<typeof connect>[1]>;
  }

  private established(model: ChannelModel, where: string): void {
    this.current = model;
    this.everConnected = true;
    this.upSince = Date.now();
    this.refusals = 0;
    this.slowBackOff.reset();
    if (this.logged !== undefined) this.options.log?.("info", `Connected to ${where}`);
    this.logged = undefined;
    this.setState({ kind: "connected" });
    for (const listener of [...this.listeners]) listener.up?.(model);
  }

  private lost(model: ChannelModel, cause: unknown, where: string): void {
    destroySocket(model);
    if (model !== this.current) return;
    this.current = undefined;
    this.drops = Date.now() - this.upSince < STABLE_AFTER ? this.drops + 1 : 0;
    if (this.drops === 0) this.backOff.reset();
    this.failed(cause ?? new Error("the broker closed the connection"), where);
  }

  private failed(cause: unknown, where: string): void {
    this.urlIndex += 1;
    const failure = connectionFailure(cause, where, this.options.vhost ?? "/");
    const { lane, error } = failure;
    const delay = this.delayFor(failure);
    this.setState({ kind: lane === "refused" ? "refused" : "reconnecting", delay, until: Date.now() + delay, error });
    if (this.logged !== error.code) this.options.log?.(lane === "refused" ? "error" : "warn", error.message);
    this.logged = error.code;
    this.timer = setTimeout(() => void this.attempt(), delay);
    for (const listener of [...this.listeners]) listener.down?.(error);
  }

  private delayFor({ lane, mayPass }: ConnectionFailure): number {
    if (lane === "network") return this.backOff.next();
    this.refusals += 1;
    const patient = (mayPass || this.everConnected) && this.refusals <= PATIENCE;
    return patient ? this.backOff.next() : this.slowBackOff.next();
  }

  private setState(state: ConnectionState): void {
    if (this.closed) return;
    this.currentState = state;
    for (const listener of [...this.listeners]) listener.state?.(state);
  }
}

interface ParsedUrl {
  protocol: "amqp" | "amqps";
  hostname: string;
  port: number;
}

/** @throws ConnectorError NOT_CONFIGURED; the text does not repeat the URL, since it may hold a password */
function parseUrl(text: string): ParsedUrl {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new ConnectorError("NOT_CONFIGURED", "The broker's URL is none: write amqp://host:port or amqps://host:port");
  }
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== "amqp" && protocol !== "amqps") throw new ConnectorError("NOT_CONFIGURED", "The broker's URL must begin with amqp:// or amqps://");
  if (url.username || url.password) throw new ConnectorError("NOT_CONFIGURED", "The broker's URL must not hold a user name or password: they have fields of their own");
  return { protocol, hostname: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || (protocol === "amqp" ? 5672 : 5671) };
}

async function hangUp(model: ChannelModel, deadline: number): Promise<void> {
  try {
    await within(model.close(), deadline);
  } catch {
    // closed already: all we wanted
  }
  destroySocket(model);
}

/** amqplib only half-closes the socket; a peer that is gone never finishes the other half. The stream is not part of its types. */
function destroySocket(model: ChannelModel): void {
  (model.connection as unknown as { stream?: Duplex }).stream?.destroy();
}
