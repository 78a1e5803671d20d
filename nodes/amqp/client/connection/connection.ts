import type { ChannelModel } from "amqplib";
import { BackOff } from "../../../common/back-off";
import { ConnectorError } from "../../../common/errors";
import { parseBrokerUrls, whereIs, type BrokerAddress } from "./broker-url";
import { connectionFailure, type ConnectionFailure } from "./connection-failure";
import type { ConnectionListener, ConnectionOptions, ConnectionState } from "./connection-options";
import { destroySocket, dial, hangUp, heartbeatOf } from "./dial";
import { NO_CHANNEL_LEFT } from "../errors";
import { HostRound, type RoundOutcome } from "./host-round";
import { Pulse, type StandStill } from "./pulse";
import { passwordSignIn, type SignIn } from "../sign-in/sign-in";
import { giveNewSecret } from "../sign-in/update-secret";

export type { ConnectionListener, ConnectionOptions, ConnectionState } from "./connection-options";

/** How many refusals in a row are answered by the quick back-off, if they may pass by themselves: the server is just starting, or took the same login before. */
const QUICK_REFUSALS = 3;

/** ms. When a connection that lived this long is lost, the back-off starts anew. After one that the broker dropped sooner the wait is longer each time. */
const STABLE_AFTER = 10_000;

/** ms before the next host of the list is tried, at most. Random up to this, so that not all clients of a dead host come to the next one at the same moment. */
const HOP = 250;

/**
 * One connection to a broker: opened on first need, made again whenever it is lost, closed within a deadline. It knows nothing of channels and consumers; who needs
 * them listens to `up` and `down`.
 */
export class Connection {
  private current: ChannelModel | undefined;
  private readonly pulse: Pulse;
  private currentState: ConnectionState = { kind: "idle" };
  private readonly listeners = new Set<ConnectionListener>();
  private readonly hosts: HostRound;
  private readonly signIn: SignIn;
  private readonly stopRenewal: () => void;
  private readonly backOff: BackOff;
  private readonly slowBackOff: BackOff;
  private timer: NodeJS.Timeout | undefined;
  private connecting: AbortController | undefined;
  /** A renewed secret that the broker may not have been given yet for the open connection: it came while the connection was being made, or while it is blocked. */
  private newSecret: string | undefined;
  private everConnected = false;
  private upSince = 0;
  /** How many connections in a row did not live for {@link STABLE_AFTER}. */
  private drops = 0;
  private refusals = 0;
  /** What was logged since the connection was last up. */
  private readonly logged = new Set<ConnectionFailure["reason"] | "channels">();

  /** @throws ConnectorError NOT_CONFIGURED when there is no address or an invalid one; the text does not repeat the address, since it may hold a password */
  constructor(private readonly options: ConnectionOptions) {
    this.hosts = new HostRound(parseBrokerUrls(options.urls));
    this.signIn = options.signIn ?? passwordSignIn(options.username, options.password);
    this.stopRenewal = this.signIn.onRenewed((secret) => void this.renew(secret));
    this.backOff = options.backOff ?? new BackOff();
    this.slowBackOff = options.slowBackOff ?? new BackOff({ initial: 60_000, max: 300_000, random: () => 1 });
    this.pulse = new Pulse((options.heartbeat ?? 15) * 1000);
  }

  /** The open connection, while there is one. */
  get model(): ChannelModel | undefined {
    return this.current;
  }

  get state(): ConnectionState {
    return this.currentState;
  }

  /** Set when this process has just stood still for so long that no heartbeat was sent. */
  get stoodStill(): StandStill | undefined {
    return this.pulse.stoodStill;
  }

  /** The host that it is connected to, or tries to reach. */
  get address(): BrokerAddress {
    return this.hosts.current;
  }

  /** Starts to connect, if that has not begun. */
  open(): void {
    if (this.currentState.kind === "idle") void this.attempt();
  }

  /**
   * Tries now, without waiting for the end of the back-off, since the broker seems to be back. Does nothing when the broker keeps dropping connections.
   *
   * @param address the host that was found up
   */
  hurry(address?: BrokerAddress): void {
    if (this.drops > 1 || (this.currentState.kind !== "reconnecting" && this.currentState.kind !== "refused")) return;
    clearTimeout(this.timer);
    if (address) this.hosts.prefer(address);
    void this.attempt();
  }

  /** A user of the connection got no channel, since none was left. Logged once for all users. */
  outOfChannels(): void {
    if (!this.logged.has("channels")) this.options.log?.("error", new ConnectorError("BROKER_UNAVAILABLE", NO_CHANNEL_LEFT).toString(), "channels");
    this.logged.add("channels");
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
    this.pulse.stop();
    this.stopRenewal();
    this.connecting?.abort();
    const model = this.current;
    this.current = undefined;
    this.setState({ kind: "closed" });
    this.listeners.clear();
    if (model) await hangUp(model, deadline);
  }

  private get blocked(): boolean {
    return this.currentState.kind === "blocked";
  }

  private get closed(): boolean {
    return this.currentState.kind === "closed";
  }

  private async attempt(): Promise<void> {
    const where = whereIs(this.hosts.current);
    const before = this.currentState;
    this.setState(before.kind === "refused" ? { kind: "connecting", refused: before.error } : { kind: "connecting" });
    const { signal } = (this.connecting = new AbortController());
    try {
      const credentials = await this.signIn.credentials();
      this.newSecret = undefined; // these credentials include it
      if (this.closed) return;
      const { name, ...options } = this.options;
      const model = await dial(this.hosts.current, { ...options, credentials, signal, name: typeof name === "function" ? name() : name });
      // The listeners come first: an `error` event without a listener ends the process.
      let cause: unknown;
      model.on("error", (error) => (cause = error));
      model.on("close", (error) => this.lost(model, cause ?? error, where));
      model.on("blocked", (reason) => this.setState({ kind: "blocked", reason }));
      model.on("unblocked", () => this.unblocked());
      if (this.closed) return await hangUp(model, 1_000);
      this.established(model, where);
    } catch (error) {
      if (!this.closed) this.failed(this.failure(error, where));
    }
  }

  private established(model: ChannelModel, where: string): void {
    this.current = model;
    this.pulse.begin(heartbeatOf(model) * 1000); // the broker's own, where that is shorter than ours
    this.everConnected = true;
    this.upSince = performance.now(); // not `Date.now()`, since the system clock may be set
    this.refusals = 0;
    this.slowBackOff.reset();
    if (this.logged.size > 0) this.options.log?.("info", `Connected to ${where}`);
    this.logged.clear();
    this.setState({ kind: "connected" });
    for (const listener of [...this.listeners]) listener.up?.(model);
    if (this.newSecret !== undefined) void this.renew(this.newSecret);
  }

  private unblocked(): void {
    this.setState({ kind: "connected" });
    if (this.newSecret !== undefined) void this.renew(this.newSecret);
  }

  private lost(model: ChannelModel, cause: unknown, where: string): void {
    destroySocket(model);
    if (model !== this.current) return;
    this.current = undefined;
    this.drops = performance.now() - this.upSince < STABLE_AFTER ? this.drops + 1 : 0;
    if (this.drops === 0) {
      this.backOff.reset();
      this.hosts.begin();
    }
    this.failed(this.failure(cause ?? new Error("the broker closed the connection"), where, true));
  }

  private failure(cause: unknown, where: string, wasOpen = false): ConnectionFailure {
    const { vhost = "/", connectTimeout = 10 } = this.options;
    return connectionFailure(cause, { where, vhost, connectTimeout, shown: this.signIn.what, wasOpen, busy: wasOpen ? this.stoodStill?.ms : 0 });
  }

  private failed(failure: ConnectionFailure): void {
    const { lane, reason, error } = failure;
    if (reason === "credentials") this.signIn.refused();
    if (!this.logged.has(reason)) this.options.log?.(lane === "refused" ? "error" : "warn", error.toString(), reason);
    this.logged.add(reason);
    // without a token no other host need be tried
    const outcome = reason === "token" ? { failure, allRefused: lane === "refused" } : this.hosts.failed(failure);
    const delay = outcome ? this.delayAfter(outcome) : Math.round(HOP * (0.2 + 0.8 * Math.random()));
    const shown = outcome?.failure ?? failure;
    this.setState({ kind: shown.lane === "refused" ? "refused" : "reconnecting", delay, until: Date.now() + delay, error: shown.error });
    this.timer = setTimeout(() => void this.attempt(), delay);
    for (const listener of [...this.listeners]) listener.down?.(error);
  }

  private delayAfter({ failure, allRefused }: RoundOutcome): number {
    if (!allRefused) return this.backOff.next();
    this.refusals += 1;
    const patient = (failure.mayPass || this.everConnected) && this.refusals <= QUICK_REFUSALS;
    return patient ? this.backOff.next() : this.slowBackOff.next();
  }

  /**
   * Gives the broker a new secret, since the one that the connection was opened with is about to expire. If the broker does not take it, the connection is made
   * anew; but not while the broker blocks it, when it reads nothing: messages that are on their way would be sent again on each new connection.
   */
  private async renew(secret: string): Promise<void> {
    this.newSecret = secret;
    const model = this.current;
    if (!model || this.blocked) return;
    const taken = await giveNewSecret(model, secret);
    if (model !== this.current || this.blocked) return;
    if (taken) {
      if (this.newSecret === secret) this.newSecret = undefined;
      return;
    }
    this.current = undefined;
    for (const listener of [...this.listeners]) listener.down?.(new ConnectorError("BROKER_UNAVAILABLE", "Connecting again with a new token"));
    void hangUp(model, 2_000);
    await this.attempt();
  }

  private setState(state: ConnectionState): void {
    if (this.closed) return;
    this.currentState = state;
    for (const listener of [...this.listeners]) listener.state?.(state);
  }
}
