import { BackOff, type BackOffOptions } from "../../common/back-off";
import { within } from "../../common/deadline";
import { type ConnectorError, needsAHand, toConnectorError } from "../../common/errors";
import { sleep } from "../../common/sleep";
import { API_VERSION, createConnection } from "./connection";
import { login, type LoginSettings, type OrgCredentials, type Session } from "./sign-in/login";
import { OrgLookout } from "./org-lookout";
import { orgPlace } from "./org-place";
import { OrgStreams, type StreamOptions } from "./events/org-streams";
import { RestClient } from "./rest";
import { type LoginPace, TokenKeeper } from "./sign-in/token";
import { HttpTransport } from "./http/transport";
import { UsageGuard, type UsageGuardOptions } from "./http/usage-guard";

/** Settings of an {@link OrgClient}. Times in ms. */
export interface OrgSettings extends LoginSettings {
  /** `66.0` and the like. Default {@link API_VERSION}. */
  apiVersion?: string;
  /** Calls under way at once. Default 10. */
  concurrency?: number;
  /** Until a call's whole answer must be there. Default 60000. */
  timeout?: number;
  /** When and how much calls are spaced as the day's are used up. Default: from 80 % on. */
  usage?: Omit<UsageGuardOptions, "onChange">;
  /** Told when the org has given a new refresh token and ended the one it was asked with. */
  onRefreshToken?(token: string): void;
  /** Where events come from, and the pace of reconnecting. */
  streams?: StreamOptions;
  /** Pace of logins after failures. */
  loginPace?: LoginPace;
  /** Pace of calls after failures. Default 1 s doubling to 60 s. */
  backOff?: BackOffOptions;
}

/** How it stands with the org. */
export interface OrgState {
  /** `waiting`: it comes back by itself; `failed`: someone has to mend the login. */
  kind: "idle" | "connecting" | "connected" | "waiting" | "failed";
  /** Why, when waiting or failed. */
  error?: ConnectorError;
  /** Whole percent of the day's API calls that are used, as the org's last answer said; absent until it has. */
  usedPercent?: number;
  /** The same, when so many are used that calls are spaced. */
  slowedAt?: number;
}

/** How long {@link OrgClient.close} waits for its users to leave, in ms. */
const DRAIN = 10_000;

/** One org: its token, its REST client, and how it stands with it. Signs in when the first user comes, and lasts until {@link OrgClient.close}, with or without users. */
export class OrgClient {
  readonly rest: RestClient;
  /** Its event streams; nothing is connected before the first subscription. */
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
  /** By what is waited for. */
  private readonly pauses = new Map<string, Promise<void>>();
  /** Which org it was that somebody signed in to last. */
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
      // the list of versions needs no session and counts as no call; what else is wrong it does not know of
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

  /** How it stands with the org now. */
  get state(): OrgState {
    return this.current;
  }

  /** Sends HTTP requests past the limit of calls under way: for long polls. */
  get http(): HttpTransport {
    return this.transport;
  }

  /** The session, once signed in: org id, user id, instance. */
  get session(): Session | undefined {
    return this.tokens.session;
  }

  /** The session that is open, or a new one: for what speaks another protocol than REST with the org's token. @throws ConnectorError */
  openSession(): Promise<Session> {
    return this.tokens.get();
  }

  /** A session other than `stale`, which the org has refused; one login for all who ask. @throws ConnectorError */
  renewSession(stale: Session): Promise<Session> {
    return this.tokens.renew(stale);
  }

  /** The host of `session` may not be the org's any longer: who opens a session next signs in anew, which says where it is. */
  doubtSession(session: Session): void {
    this.tokens.doubt(session);
  }

  /** Counts a user in; the first one makes it sign in, so that a wrong secret shows before the first message. */
  acquire(user: object): void {
    this.users.add(user);
    void this.signIn();
  }

  /** Counts a user out. */
  release(user: object): void {
    this.users.delete(user);
    if (this.users.size === 0) this.left?.();
  }

  /** Tells of changes of {@link state}; returns how to stop listening. */
  onState(listener: (state: OrgState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Tells when signing in has led to another org than before, as it does after the refresh of a sandbox; nobody has the new session yet. Returns how to
   * stop listening.
   */
  onOtherOrg(listener: () => void): () => void {
    this.changeListeners.add(listener);
    return () => this.changeListeners.delete(listener);
  }

  /**
   * Settles when it makes sense to try again after a system error: one pause for all who wait for the same, longer with each failure, never
   * before the login host may be asked again. A limit of bulk jobs or events holds up nobody who has met an outage. Settles at once when the
   * client closes.
   */
  untilReady(error: ConnectorError): Promise<void> {
    const kind = `${error.code}${error.details.retryAfter === undefined ? "" : " for a time"}`;
    const pause = this.pauses.get(kind) ?? this.wait(error).finally(() => this.pauses.delete(kind));
    this.pauses.set(kind, pause);
    return pause;
  }

  /** Closes when the last user has left, after {@link DRAIN} at the latest. */
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

  /** Tries until there is a token: its failures show as the org's state. */
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
    // The org has answered: which object it lacks is the trouble of who asked, not of all its nodes.
    if (error?.code === "ORG_OBJECT_UNKNOWN" && error.details.status !== 410) return this.set({ kind: "connected" });
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
    // While the login waits, its own pace is the only one that counts.
    const ms = this.tokens.waitMs || Math.max(asked, this.backOff.next());
    // Whoever still knocks at a closed org must not do so without a pause.
    if (signal.aborted) return new Promise((resolve) => void setTimeout(resolve, ms).unref());
    return sleep(ms, signal);
  }
}
