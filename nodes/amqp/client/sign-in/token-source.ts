import { BackOff } from "../../../common/back-off";
import { ConnectorError, toConnectorError } from "../../../common/errors";
import type { Log } from "../connection/connection-options";
import type { AccessToken } from "./token-endpoint";

/** Supplies the tokens of a sign-in. */
export interface TokenSource {
  /** Returns a token that is valid now. @throws ConnectorError BROKER_UNAVAILABLE or BROKER_REFUSED when there is none */
  get(): Promise<string>;
  /** To be called when the broker has refused the token. It is not returned again, unless there is no other, as for a fixed token. */
  forget(): void;
  /** Calls `listener` with each new token. @returns a function that removes the listener */
  onRenewed(listener: (token: string) => void): () => void;
  close(): void;
}

/** Makes the source for a token that the user has entered. It cannot be renewed. */
export function fixedToken(token: string): TokenSource {
  return {
    get: () => {
      const expires = expiryOf(token);
      if (expires === undefined || expires > Date.now()) return Promise.resolve(token);
      return Promise.reject(new ConnectorError("BROKER_REFUSED", `The token has expired at ${new Date(expires).toISOString()}`));
    },
    forget: () => undefined,
    onRenewed: () => () => undefined,
    close: () => undefined,
  };
}

/** The options of a {@link RenewedToken}. */
export interface RenewedTokenOptions {
  /** Requests a new token. @throws ConnectorError when there is none */
  fetch(signal: AbortSignal): Promise<AccessToken>;
  /** Called once when a renewal fails, and once when it works again. */
  log?: Log;
  /** Returns random numbers, 0 ≤ x < 1. Replaced in tests. Default `Math.random`. */
  random?: () => number;
  /** How long to wait after a failed renewal. Default 1 → 60 s, with jitter. */
  backOff?: BackOff;
  /** Shortest time between renewals, in ms. It matters for endpoints whose tokens expire at once. Default 1000. */
  shortest?: number;
}

/** The part of its life after which a token is renewed. The rest is a reserve in case the endpoint is away. */
const RENEW_AT = 0.8;

/** The renewal is earlier or later by up to this part of the token's life, so that many processes do not ask at the same time. */
const JITTER = 0.05;

/** A token that expires within so many ms, or within a tenth of its life if that is less, is not used for a new connection, because connecting takes some time. */
const MARGIN = 5_000;

/** The longest delay of `setTimeout`, in ms. */
const LONGEST = 2 ** 31 - 1;

/** One token from an endpoint, shared by all connections and renewed before it expires. */
export class RenewedToken implements TokenSource {
  private current: (AccessToken & { margin: number }) | undefined;
  private running: Promise<AccessToken> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failing = false;
  private readonly listeners = new Set<(token: string) => void>();
  private readonly abort = new AbortController();
  private readonly backOff: BackOff;

  constructor(private readonly options: RenewedTokenOptions) {
    this.backOff = options.backOff ?? new BackOff();
  }

  async get(): Promise<string> {
    const { current } = this;
    if (current && (current.expires === undefined || current.expires - current.margin > Date.now())) return current.token;
    return (await this.renew()).token;
  }

  forget(): void {
    this.current = undefined;
  }

  onRenewed(listener: (token: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    clearTimeout(this.timer);
    this.listeners.clear();
    this.abort.abort();
  }

  /** Renews the token. Calls at the same time share one request. */
  private renew(): Promise<AccessToken> {
    this.running ??= this.fetch().finally(() => (this.running = undefined));
    return this.running;
  }

  private async fetch(): Promise<AccessToken> {
    const token = await this.options.fetch(this.abort.signal);
    const expires = token.expires ?? expiryOf(token.token);
    const life = expires === undefined ? undefined : Math.max(0, expires - Date.now());
    this.current = { token: token.token, ...(expires === undefined ? {} : { expires }), margin: Math.min(MARGIN, (life ?? 0) / 10) };
    this.backOff.reset();
    if (this.failing) this.options.log?.("info", "The broker's token could be renewed again");
    this.failing = false;
    if (life !== undefined) this.renewIn(life * (RENEW_AT + JITTER * (2 * (this.options.random ?? Math.random)() - 1)));
    for (const listener of [...this.listeners]) listener(token.token);
    return token;
  }

  private renewIn(delay: number): void {
    clearTimeout(this.timer);
    if (this.abort.signal.aborted) return;
    const { shortest = 1_000 } = this.options;
    const renew = (): void => void this.renew().catch((error: unknown) => this.failed(toConnectorError(error)));
    this.timer = setTimeout(renew, Math.min(LONGEST, Math.max(shortest, delay)));
  }

  /** Tries again after a failed renewal, until the open connections, which still have the old token, can be given a new one. */
  private failed(error: ConnectorError): void {
    if (this.abort.signal.aborted) return;
    if (!this.failing) this.options.log?.("warn", `${error.code}: The broker's token could not be renewed: ${error.message}`);
    this.failing = true;
    this.renewIn(this.backOff.next());
  }
}

/** Returns when a JSON web token expires, in ms since 1970 (RFC 7519 §4.1.4); `undefined` when it does not tell, or is no such token. */
function expiryOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { exp?: unknown } | null;
    return typeof claims?.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
