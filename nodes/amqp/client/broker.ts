import { within } from "../../common/deadline";
import { Connection, type ConnectionOptions } from "./connection/connection";
import type { Log } from "./connection/connection-options";
import type { SignIn } from "./sign-in/sign-in";

/** The use of a connection. There are two connections because a broker that is short of memory stops reading those that publish, and acks must not wait for that. */
export type Purpose = "consume" | "publish";

/** The two connections that a user gets. Each is opened at its first use. */
export interface BrokerLink {
  readonly consume: Connection;
  readonly publish: Connection;
}

/** The options of a {@link Broker}. */
export interface BrokerOptions extends Omit<ConnectionOptions, "signIn"> {
  /** Makes the sign-in that both connections share. Default: a sign-in by user name and password. */
  signIn?: (log: Log) => SignIn;
}

/** How long the config node waits for its users when it closes, in ms. Node-RED closes all of them at the same time and gives up on a node after 15 s. */
const DRAIN = 10_000;

/** The two connections of one broker, and the set of their users. They are closed when the last user has released them. */
export class Broker {
  private readonly users = new Set<object>();
  private link: (BrokerLink & { signIn: SignIn | undefined }) | undefined;
  private closing: Promise<void> = Promise.resolve();
  private drained: (() => void) | undefined;
  /** For each connection that is in trouble, the reasons that were given since it last worked. */
  private readonly troubles = new Map<Purpose, Set<string>>();

  /** @throws ConnectorError NOT_CONFIGURED when the options cannot work */
  constructor(private readonly options: BrokerOptions) {
    void this.connections(); // checks the options; connects to nothing
  }

  /** Returns the connections, which stay open until this user calls {@link release}. */
  acquire(user: object): BrokerLink {
    this.users.add(user);
    return this.connections();
  }

  /** Ends the use by this user. If it was the last one, the connections are closed, and the promise resolves when they are. */
  async release(user: object): Promise<void> {
    if (!this.users.delete(user) || this.users.size > 0) return;
    await this.disconnect();
    this.drained?.();
  }

  /** Waits up to `drain` ms until all users have released the connections, then closes them in any case. */
  async close(drain = DRAIN): Promise<void> {
    if (this.users.size > 0) await within(new Promise<void>((resolve) => (this.drained = resolve)), drain);
    this.users.clear();
    await this.disconnect();
  }

  private connections(): BrokerLink {
    this.link ??= this.pair();
    return this.link;
  }

  private pair(): NonNullable<Broker["link"]> {
    const signIn = this.options.signIn?.((level, text) => this.options.log?.(level, text));
    const consume = this.connection("consume", signIn);
    const publish = this.connection("publish", signIn);
    // when one connection is back, the other one tries at once instead of waiting for the end of its back-off
    consume.subscribe({ up: () => publish.hurry(consume.address) });
    publish.subscribe({ up: () => consume.hurry(publish.address) });
    return { consume, publish, signIn };
  }

  private connection(purpose: Purpose, signIn: SignIn | undefined): Connection {
    const { signIn: _factory, name = "node-red", ...options } = this.options;
    return new Connection({
      ...options,
      ...(signIn ? { signIn } : {}),
      name: () => `${typeof name === "function" ? name() : name} (${purpose})`,
      log: (...line) => this.log(purpose, ...line),
    });
  }

  /** Logs each reason once for both connections, which usually fail for the same reason though the texts differ. The return to work is logged when both work again. */
  private log(purpose: Purpose, ...[level, text, reason = text]: Parameters<Log>): void {
    if (level === "info") {
      this.troubles.delete(purpose);
      if (this.troubles.size === 0) this.options.log?.(level, text);
      return;
    }
    const said = [...this.troubles.values()].some((reasons) => reasons.has(reason));
    this.troubles.set(purpose, (this.troubles.get(purpose) ?? new Set()).add(reason));
    if (!said) this.options.log?.(level, text);
  }

  private disconnect(): Promise<void> {
    const { link } = this;
    this.link = undefined;
    this.troubles.clear();
    link?.signIn?.close();
    if (link) this.closing = Promise.all([this.closing, link.consume.close(), link.publish.close()]).then(() => undefined);
    return this.closing;
  }
}
