import { BackOff, type BackOffOptions } from "../../common/back-off";
import { within } from "../../common/deadline";
import { type ConnectorError, needsAHand, toConnectorError } from "../../common/errors";
import { sleep } from "../../common/sleep";
import { API_VERSION, createConnection } from "./connection";
import { login, type LoginSettings, type OrgCredentials, type Session } from "./sign-in/login";
import { OrgLookout } from "./org-lookout";
import { orgPlace } from "./org-place";
import { isRefusedThere } from "./sign-in/refused-session";
import { OrgStreams, type StreamOptions } from "./events/org-streams";
import { RestClient } from "./rest";
import { type LoginPace, TokenKeeper } from "./sign-in/token";
import { HttpTransport } from "./http/transport";
import { UsageGuard, type UsageGuardOptions } from "./http/usage-guard";

/** Settings of an {@link OrgClient}. Times in ms. */
export interface OrgSettings extends LoginSettings {
  /** `66.0` and the like. Default {@link API_VERSION}. */
  apiVersion?: string;
  /** How many calls may run at once. Default 10. */
  concurrency?: number;
  /** How long a call may take until its whole answer is there. Default 60000. */
  timeout?: number;
  /** When and how much calls are spaced as the day's API calls are used up. Default: from 80 % on. */
  usage?: Omit<UsageGuardOptions, "onChange">;
  /** Told when the org has given a new refresh token, which replaces the one used. */
  onRefreshToken?(token: string): void;
  /** Settings of the event streams. */
  streams?: StreamOptions;
  /** Pauses between logins after failures. */
  loginPace?: LoginPace;
  /** Pauses between calls after failures. Default: 1 s, doubling to 60 s. */
  backOff?: BackOffOptions;
}

/** State of the org's connection. */
export interface OrgState {
  /** `waiting`: it comes back by itself; `failed`: someone has to fix the login. */
  kind: "idle" | "connecting" | "connected" | "waiting" | "failed";
  /** Why, when waiting or failed. */
  error?: ConnectorError;
  /** How much of the day's API calls is used, in whole percent, as the org's last answer said; absent until one has. */
  usedPercent?: number;
  /** The same number, set while so many are used that calls are spaced. */
  slowedAt?: number;
}

/** How long {@link OrgClient.close} waits for its users to leave, in ms. */
const DRAIN = 10_000;

/**
 * One org: its token, its REST client, its event streams and their state. Signs in when the first user comes, and lasts until {@link OrgClient.close}, with
 * or without users.
 */
export class OrgClient {
  readonly rest: RestClient;
  /** Its event streams. They connect with the first subscription. */
  readonly streams: OrgStreams;
  private readonly transport: HttpTransport;
  private readonly tokens: TokenKeeper;
  private readonly backOff: BackOff;
  private readonly guard: UsageGuard;
  private readonly lookout: OrgLookout;
  private readonly users = new Set<object>();
  private readonly listeners = new Set<(state: OrgState) => void>();
  private readonly changeListeners = new Set<() => void>();
  private readonly closing = new AbortController();
  private readonly credentials: OrgCredentials;
  private current: OrgState = { kind: "idle" };
  private usage: Pick<OrgState, "usedPercent" | "slowedAt"> = {};
  /** The running pauses, by the kind of error they are for; see {@link untilReady}. */
  private readonly pauses = new Map<string, Promise<void>>();
  /** The {@link orgPlace} of the org that it signed in to last. */
  private place: string | undefined;
  private signingIn = false;
  private left: (() => void) | undefined;

  constructor(settings: OrgSettings) {
    this.transport = new HttpTransport({ timeout: settings.timeout });
    this.credentials = { ...settings.credentials };
    this.guard = new UsageGuard({ ...settings.usage, onChange: (percent, spaced) => this.noteUsage(percent, spaced) });
    this.tokens = new TokenKeeper({
      login: () => this.login(settings),
      renewable: settings.flow !== "access-token",
      pace: settings.loginPace,
    });
    this.backOff = new BackOff(settings.backOff);
    this.lookout = new OrgLookout({
      trouble: () => (this.users.size > 0 ? this.current.error : undefined),
      isAwaited: () => this.pauses.size > 0,
      // the list of versions needs no session and counts as no API call, but it works also when something else than the connection is wrong
      look: ({ code }) => this.rest.request({ method: "GET", path: code === "ORG_UNAVAILABLE" ? "/services/data/" : "/limits" }),
      backOff: settings.backOff,
    });
    this.streams = new OrgStreams(this, settings.streams);
    this.rest = new RestClient({
      connection: createConnection(settings.apiVersion?.trim() || API_VERSION, this.transport),
      tokens: this.tokens,
      transport: this.transport,
      guard: this.guard,
      concurrency: settings.concurrency,
      onResult: (error) => this.noteResult(error),
    });
  }

  /** The present state. */
  get state(): OrgState {
    return this.current;
  }

  /** Sends HTTP requests that do not count towards `concurrency`: for long polls. */
  get http(): HttpTransport {
    return this.transport;
  }

  /** The session (org id, user id, instance), once signed in. */
  get session(): Session | undefined {
    return this.tokens.session;
  }

  /** Gives the open session, or signs in: for protocols other than REST that use the org's token. @throws ConnectorError */
  openSession(): Promise<Session> {
    return this.tokens.get();
  }

  /** Gives a session other than `stale`, which the org has refused. Signs in once for all who ask. @throws ConnectorError */
  renewSession(stale: Session): Promise<Session> {
    return this.tokens.renew(stale);
  }

  /** To be called when the org may have moved to another host: the next call that needs a session signs in anew, which gives the present host. */
  doubtSession(session: Session): void {
    this.tokens.doubt(session);
  }

  /** Adds a user. The first one makes it sign in, so that a wrong secret shows before the first message. */
  acquire(user: object): void {
    this.users.add(user);
    void this.signIn();
  }

  /** Removes a user. */
  release(user: object): void {
    this.users.delete(user);
    if (this.users.size === 0) this.left?.();
  }

  /** Calls a listener when {@link state} changes. @returns function that removes the listener */
  onState(listener: (state: OrgState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Calls a listener when signing in has led to another org than before, as after the refresh of a sandbox. That happens before anybody gets the new session.
   *
   * @returns function that removes the listener
   */
  onOtherOrg(listener: () => void): () => void {
    this.changeListeners.add(listener);
    return () => this.changeListeners.delete(listener);
  }

  /**
   * Resolves when it makes sense to try again after an error of scope `system`: after one pause for all callers with the same kind of error, longer with each
   * failure, and not before the login host may be asked again. A pause for a limit of bulk jobs or events does not hold up callers that met an outage.
   * Resolves at once when the client closes.
   */
  untilReady(error: ConnectorError): Promise<void> {
    const kind = `${error.code}${error.details.retryAfter === undefined ? "" : " for a time"}`;
    const pause = this.pauses.get(kind) ?? this.wait(error).finally(() => this.pauses.delete(kind));
    this.pauses.set(kind, pause);
    return pause;
  }

  /** Closes when the last user has left, after {@link DRAIN} ms at the latest. */
  async close(): Promise<void> {
    if (this.users.size > 0) {
      await within(new Promise<void>((resolve) => (this.left = resolve)), DRAIN);
    }
    this.closing.abort();
    this.lookout.close();
    await this.streams.close();
    this.guard.close();
    this.listeners.clear();
    this.changeListeners.clear();
    this.transport.close();
  }

  private async login(settings: OrgSettings): Promise<Session> {
    if (this.current.kind === "idle") this.set({ kind: "connecting" });
    const { refreshToken, ...session } = await login(this.transport, { ...settings, credentials: this.credentials });
    if (refreshToken && refreshToken !== this.credentials.refreshToken) {
      this.credentials.refreshToken = refreshToken;
      settings.onRefreshToken?.(refreshToken);
    }
    this.set({ kind: "connected" });
    this.notePlace(session);
    return session;
  }

  private notePlace(session: Session): void {
    if (session.orgId === undefined) return;
    const place = orgPlace(session);
    const isOther = this.place !== undefined && this.place !== place;
    this.place = place;
    if (isOther) for (const listener of this.changeListeners) listener();
  }

  /** Tries until there is a token. Failures are shown as the org's state. */
  private async signIn(): Promise<void> {
    if (this.signingIn) return;
    this.signingIn = true;
    while (!this.closing.signal.aborted && this.users.size > 0) {
      try {
        await this.tokens.get();
        break;
      } catch (error) {
        const failure = toConnectorError(error);
        this.noteResult(failure);
        await this.untilReady(failure);
      }
    }
    this.signingIn = false;
  }

  private noteResult(error: ConnectorError | undefined): void {
    // the org has answered, so it is connected: that an object is missing, or a path refuses the session, concerns only the node that asked for it
    if (error && ((error.code === "ORG_OBJECT_UNKNOWN" && error.details.status !== 410) || isRefusedThere(error))) return this.set({ kind: "connected" });
    if (error && error.scope === "system") {
      this.set({ kind: needsAHand(error) ? "failed" : "waiting", error });
      this.lookout.alarm();
      return;
    }
    this.backOff.reset();
    this.set({ kind: "connected" });
  }

  private noteUsage(percent: number, spaced: boolean): void {
    this.usage = { usedPercent: percent, ...(spaced ? { slowedAt: percent } : {}) };
    this.set(this.current);
  }

  private set({ kind, error }: OrgState): void {
    if (this.closing.signal.aborted) return;
    const { current, usage } = this;
    const sameUsage = usage.usedPercent === current.usedPercent && usage.slowedAt === current.slowedAt;
    if (kind === current.kind && error?.message === current.error?.message && sameUsage) return;
    this.current = { kind, ...(error ? { error } : {}), ...usage };
    for (const listener of this.listeners) listener(this.current);
  }

  private wait(error: ConnectorError): Promise<void> {
    const { signal } = this.closing;
    const asked = typeof error.details.retryAfter === "number" ? error.details.retryAfter : 0;
    // while the login waits, only its own pause counts
    const ms = this.tokens.waitMs || Math.max(asked, this.backOff.next());
    // callers that still ask a closed client must not do so without a pause
    if (signal.aborted) return new Promise((resolve) => void setTimeout(resolve, ms).unref());
    return sleep(ms, signal);
  }
}
