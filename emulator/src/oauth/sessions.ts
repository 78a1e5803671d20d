import { randomBytes } from "node:crypto";
import type { Org } from "../org";
import { AuthorizationCodes } from "./codes";

/** An access token, and what it gives access to. */
export interface Session {
  token: string;
  /** The connected app; empty for a SOAP login. */
  clientId: string;
  username: string;
  userId: string;
  scope: string;
  /** ms since the epoch. */
  expiresAt: number;
  /** Number of open streams with this token. As long as there is one, the session does not time out. */
  streams: number;
  /** The refresh token from which it came. When that is revoked, the session ends, too. */
  refreshToken?: string;
  /** Whether the token is a JWT, which event streams do not accept. */
  isJwt: boolean;
}

/** How many secrets are remembered. */
const MAX_SECRETS = 1000;

/** What a refresh token gives access to. */
export interface Grant {
  clientId: string;
  username: string;
  scope: string;
}

/** The access tokens of the org, and what gives them: codes, refresh tokens, and logins within the hourly limit. */
export class Sessions {
  readonly codes: AuthorizationCodes;
  private readonly byToken = new Map<string, Session>();
  private readonly grants = new Map<string, Grant>();
  private readonly loginTimes = new Map<string, number[]>();
  private blockedUntil = 0;
  private readonly seen: string[] = [];
  private readonly listeners: ((session: Session) => void)[] = [];

  constructor(private readonly org: Org) {
    this.codes = new AuthorizationCodes(() => org.now(), (code) => this.noteSecret(code));
  }

  get count(): number {
    return this.byToken.size;
  }

  /** Opens a session for a user. Tokens are opaque, `<15-character org id>!<rest>`, unless the app issues JWTs. */
  open({ clientId, username, scope = "api" }: { clientId: string; username: string; scope?: string }, refreshToken?: string): Session {
    const isJwt = this.org.client(clientId)?.jwtAccessTokens ?? false;
    const secret = randomBytes(48).toString("base64url");
    const session: Session = {
      token: isJwt ? `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ sub: username, client_id: clientId })}.${secret}` : `${this.org.id.slice(0, 15)}!${secret}`,
      isJwt,
      clientId,
      username,
      userId: this.org.userId(username),
      scope,
      expiresAt: this.org.now() + this.org.settings.sessionTimeout,
      streams: 0,
      ...(refreshToken === undefined ? {} : { refreshToken }),
    };
    this.byToken.set(session.token, session);
    this.noteSecret(session.token);
    this.org.stats.countLogin(clientId);
    return session;
  }

  /** Returns the session of a token, unless it is over. */
  find(token: string): Session | undefined {
    const session = this.byToken.get(token);
    if (session && session.streams === 0 && session.expiresAt <= this.org.now()) {
      this.byToken.delete(token);
      return undefined;
    }
    return session;
  }

  /** Returns the session of a token, unless it is over or the token is a JWT. For event streams, which do not accept JWTs. */
  findOpaque(token: string): Session | undefined {
    const session = this.find(token);
    return session?.isJwt ? undefined : session;
  }

  /** Returns a new refresh token, which is valid until it is revoked. */
  grant(grant: Grant): string {
    const token = `5Aep861${randomBytes(54).toString("base64url")}`;
    this.grants.set(token, grant);
    this.noteSecret(token);
    return token;
  }

  findGrant(refreshToken: string): Grant | undefined {
    return this.grants.get(refreshToken);
  }

  /** Ends one session, or a refresh token and all sessions that came from it. @returns whether the token was known */
  revoke(token: string): boolean {
    if (!this.grants.delete(token)) return this.end(this.byToken.get(token));
    for (const session of this.byToken.values()) if (session.refreshToken === token) this.end(session);
    return true;
  }

  /** Notes that a stream was opened with this session. @returns the session */
  join(session: Session): Session {
    session.streams++;
    return session;
  }

  /** Notes that such a stream has ended. After the last one, the session times out as if it had begun now. */
  leave(session: Session): void {
    if (--session.streams === 0) session.expiresAt = Math.max(session.expiresAt, this.org.now() + this.org.settings.sessionTimeout);
  }

  /** Calls `listener` for each session that is ended before it times out. */
  onEnd(listener: (session: Session) => void): void {
    this.listeners.push(listener);
  }

  /** Replaces a refresh token by a new one. Sessions that came from the old one stay. */
  rotate(token: string): string {
    const grant = this.grants.get(token)!;
    this.grants.delete(token);
    const next = this.grant(grant);
    for (const session of this.byToken.values()) if (session.refreshToken === token) session.refreshToken = next;
    return next;
  }

  /** Ends the refresh tokens of all users or of one. @returns how many there were */
  revokeRefreshTokens(username?: string): number {
    const wanted = [...this.grants].filter(([, grant]) => username === undefined || grant.username.toLowerCase() === username.toLowerCase());
    for (const [token] of wanted) this.revoke(token);
    return wanted.length;
  }

  /** Ends all sessions or those of one client. @returns how many there were */
  expire(clientId?: string): number {
    let ended = 0;
    for (const session of this.byToken.values()) {
      if (clientId !== undefined && session.clientId !== clientId) continue;
      this.end(session);
      ended++;
    }
    return ended;
  }

  /** Counts an attempt to log in. @returns false if the user had too many within the last hour */
  admit(username: string): boolean {
    const now = this.org.now();
    if (now < this.blockedUntil) return false;
    const times = (this.loginTimes.get(username) ?? []).filter((time) => time > now - 3_600_000);
    this.loginTimes.set(username, times);
    if (times.length >= this.org.settings.loginLimit) return false;
    times.push(now);
    return true;
  }

  /** Refuses all logins for `ms`, by default until this is called with 0. */
  exceedLoginRate(ms = Infinity): void {
    this.blockedUntil = this.org.now() + ms;
  }

  /** Remembers a secret that was sent, so that tests can look for it where it must not be. */
  noteSecret(secret: string): void {
    this.seen.push(secret);
    if (this.seen.length > MAX_SECRETS) this.seen.shift();
  }

  /** Returns the last secrets that were sent: tokens, codes, verifiers. */
  secrets(): string[] {
    return [...this.seen];
  }

  clear(): void {
    this.byToken.clear();
    this.grants.clear();
    this.codes.clear();
    this.loginTimes.clear();
    this.blockedUntil = 0;
  }

  private end(session: Session | undefined): boolean {
    if (!session) return false;
    this.byToken.delete(session.token);
    for (const listener of this.listeners) listener(session);
    return true;
  }
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
