import { BackOff } from "../../common/back-off";
import { ConnectorError, toConnectorError } from "../../common/errors";
import type { Log } from "./connection-options";
import type { AccessToken } from "./token-endpoint";

/** Where the tokens of a sign-in come from. */
export interface TokenSource {
  /** A token that is valid now. @throws ConnectorError BROKER_UNAVAILABLE or BROKER_REFUSED when there is none to be had */
  get(): Promise<string>;
  /** The broker refused the token: it is not given out again, if another can be had. */
  forget(): void;
  /** Calls back with each token that takes the place of one before it expires. @returns a function that ends it */
  onRenewed(listener: (token: string) => void): () => void;
  close(): void;
}

/** A token that somebody typed in. It cannot be renewed. */
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

/** What a {@link RenewedToken} needs. */
export interface RenewedTokenOptions {
  /** Gets a new token. @throws ConnectorError */
  fetch(signal: AbortSignal): Promise<AccessToken>;
  /** One line when a renewal fails, one when it works again. */
  log?: Log;
  /** 0 ≤ x < 1; tests replace it. Default `Math.random`. */
  random?: () => number;
  /** Waiting after a failed renewal. Default 1 → 60 s, full jitter. */
  backOff?: BackOff;
  /** ms. Endpoints that give tokens without life are not asked more often. Default 1000. */
  shortest?: number;
}

/** Renewed when this part of its life is over: it leaves time for an endpoint that is away. */
const RENEW_AT = 0.8;

/** ± this part of its life, so that many processes do not come at once. */
const JITTER = 0.05;

/** ms. A token that ends sooner is not given to a new connection, which takes some time itself. */
const MARGIN = 5_000;

/** `setTimeout` takes no more. */
const LONGEST = 2 ** 31 - 1;

/** One token for all who ask, from an endpoint, renewed before it expires. */
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

  /** However many ask at once, the endpoint is asked once. */
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

  /** The connections that are open still have the old one: it is tried again until they have another. */
  private failed(error: ConnectorError): void {
    if (this.abort.signal.aborted) return;
    if (!this.failing) this.options.log?.("warn", `${error.code}: The broker's token could not be renewed: ${error.message}`);
    this.failing = true;
    this.renewIn(this.backOff.next());
  }
}

/** When a JSON web token says that it expires (RFC 7519 §4.1.4), in ms since 1970; `undefined` when it does not say or is not one. */
function expiryOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { exp?: unknown } | null;
    return typeof claims?.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
