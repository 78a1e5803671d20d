import { within } from "../../common/deadline";
import { Connection, type ConnectionOptions } from "./connection";
import type { Log } from "./connection-options";
import type { SignIn } from "./sign-in";

/** What a connection is for. The broker stops reading one that publishes when it is short of memory: acks must not wait behind that. */
export type Purpose = "consume" | "publish";

/** The two connections, as their users get them. Each is made on first use. */
export interface BrokerLink {
  readonly consume: Connection;
  readonly publish: Connection;
}

/** How the connections of a broker are made. */
export interface BrokerOptions extends Omit<ConnectionOptions, "signIn"> {
  /** Makes the sign-in that both connections share. Default: by user name and password. */
  signIn?: (log: Log) => SignIn;
}

/** How long the config node waits for its users, in ms: Node-RED closes both at the same time, and gives up after 15 s. */
const DRAIN = 10_000;

/** The connections of one broker and who uses them. They close when the last user has gone. */
export class Broker {
  private readonly users = new Set<object>();
  private link: (BrokerLink & { signIn: SignIn | undefined }) | undefined;
  private closing: Promise<void> = Promise.resolve();
  private drained: (() => void) | undefined;
  /** What is wrong with the connections that are in trouble. */
  private readonly troubles = new Map<Purpose, Set<string>>();

  /** @throws ConnectorError NOT_CONFIGURED when the options cannot work */
  constructor(private readonly options: BrokerOptions) {
    void this.connections(); // checks the options; connects to nothing
  }

  /** The connections, kept open until this user releases them. */
  acquire(user: object): BrokerLink {
    this.users.add(user);
    return this.connections();
  }

  /** The user is done. Resolves when the connections are closed, if it was the last one. */
  async release(user: object): Promise<void> {
    if (!this.users.delete(user) || this.users.size > 0) return;
    await this.disconnect();
    this.drained?.();
  }

  /** Waits up to `drain` ms for all users to release, then closes the connections in any case. */
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
    // when one is back, the other need not sit its back-off out
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

  /** Both connections have the same troubles, be it in other words: each is said once. */
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
