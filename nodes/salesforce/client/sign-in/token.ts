import { BackOff, type BackOffOptions } from "../../../common/back-off";
import { systemClock, type Clock } from "../../../common/clock";
import { ConnectorError, toConnectorError } from "../../../common/errors";
import type { Session } from "./login";

/** Pauses before the login host is asked again after failures. */
export interface LoginPace {
  /** After a network error or a 5xx. Default: 1 s, doubling to 60 s. */
  transient?: BackOffOptions;
  /** After a refusal that someone has to fix, and after too many logins. Default: 5 min, doubling to 60 min, shortened at random by up to a fifth. */
  refused?: BackOffOptions;
}

/** Settings of a {@link TokenKeeper}. */
export interface TokenKeeperOptions {
  /** Signs in once. */
  login(): Promise<Session>;
  /** Whether signing in again gives another token; no for a pasted one. Default true. */
  renewable?: boolean;
  pace?: LoginPace;
  /** Default: the machine's. */
  clock?: Pick<Clock, "ticks">;
}

const MINUTE = 60_000;

/** Full jitter would make the first wait half a minute now and then: wrong passwords lock users out. */
const REFUSED: BackOffOptions = { initial: 5 * MINUTE, max: 60 * MINUTE, random: () => 0.8 + 0.2 * Math.random() };

/**
 * The one token of an org. However many ask at once, there is one login; after a failed one nobody logs in again before the pace allows:
 * until then everyone gets the same error.
 */
export class TokenKeeper {
  private current: Session | undefined;
  /** A session whose host may not be the org's any longer. */
  private doubted: Session | undefined;
  private running: Promise<Session> | undefined;
  private failure: { error: ConnectorError; until: number } | undefined;
  private readonly transient: BackOff;
  private readonly refused: BackOff;
  private readonly clock: Pick<Clock, "ticks">;

  constructor(private readonly options: TokenKeeperOptions) {
    this.transient = new BackOff(options.pace?.transient);
    this.refused = new BackOff(options.pace?.refused ?? REFUSED);
    this.clock = options.clock ?? systemClock;
  }

  /** The session there is; undefined before the first login and after a failed renewal. */
  get session(): Session | undefined {
    return this.current;
  }

  /** ms until a login may be tried again; 0 when it may now. */
  get waitMs(): number {
    return this.failure ? Math.max(0, this.failure.until - this.clock.ticks()) : 0;
  }

  /** The open session, or a new one. */
  get(): Promise<Session> {
    return this.current && this.current !== this.doubted ? Promise.resolve(this.current) : this.open();
  }

  /** The org may have moved away from the host of `session`: only signing in again says where to. */
  doubt(session: Session): void {
    if (this.options.renewable !== false) this.doubted = session;
  }

  /**
   * A session other than `stale`, which the org has refused: the one somebody else has got meanwhile, or a new one.
   *
   * @throws ConnectorError `ORG_SESSION_INVALID` when signing in again cannot give another token
   */
  renew(stale: Session): Promise<Session> {
    if (this.current && this.current !== stale) return Promise.resolve(this.current);
    this.current = undefined;
    if (this.options.renewable === false) {
      const error = new ConnectorError("ORG_SESSION_INVALID", "The access token has expired or was revoked; paste a new one, or use a flow that renews it");
      return Promise.reject(this.fail(error, this.refused));
    }
    return this.open();
  }

  private open(): Promise<Session> {
    if (this.running) return this.running;
    if (this.failure && this.waitMs > 0) return Promise.reject(this.failure.error);
    this.running = this.options
      .login()
      .then(
        (session) => {
          this.failure = this.doubted = undefined;
          this.transient.reset();
          this.refused.reset();
          return (this.current = session);
        },
        (cause: unknown) => {
          const error = toConnectorError(cause, "ORG_UNAVAILABLE");
          throw this.fail(error, error.code === "ORG_UNAVAILABLE" ? this.transient : this.refused);
        },
      )
      .finally(() => (this.running = undefined));
    return this.running;
  }

  private fail(error: ConnectorError, backOff: BackOff): ConnectorError {
    this.failure = { error, until: this.clock.ticks() + backOff.next() };
    return error;
  }
}
