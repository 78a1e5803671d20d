import { randomBytes } from "node:crypto";
import type { Org } from "../org";
import { AuthorizationCodes } from "./codes";

/** One access token and what it stands for. */
export interface Session {
  token: string;
  /** The connected app; empty for a SOAP login. */
  clientId: string;
  username: string;
  userId: string;
  scope: string;
  /** ms since the epoch. */
  expiresAt: number;
  /** Streams that are open with it: as long as there is one, it does not time out. */
  streams: number;
  /** The refresh token it came of, whose end is its end. */
  refreshToken?: string;
  /** Its token is a JWT, which event streams do not take. */
  isJwt: boolean;
}

/** Secrets remembered. */
const MAX_SECRETS = 1000;

/** What a refresh token stands for. */
export interface Grant {
  clientId: string;
  username: string;
  scope: string;
}

/** The access tokens of the org, and what they can be had for: codes, refresh tokens, and logins within the hour's limit. */
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

  /** The live session of a token. */
  find(token: string): Session | undefined {
    const session = this.byToken.get(token);
    if (session && session.streams === 0 && session.expiresAt <= this.org.now()) {
      this.byToken.delete(token);
      return undefined;
    }
    return session;
  }

  /** The live session of a token, for those who take no JWT. */
  findOpaque(token: string): Session | undefined {
    const session = this.find(token);
    return session?.isJwt ? undefined : session;
  }

  /** A refresh token, which lives until it is revoked. */
  grant(grant: Grant): string {
    const token = `5Aep861${randomBytes(54).toString("base64url")}`;
    this.grants.set(token, grant);
    this.noteSecret(token);
    return token;
  }

  findGrant(refreshToken: string): Grant | undefined {
    return this.grants.get(refreshToken);
  }

  /** Ends one session, or a refresh token with all sessions it gave; says whether there was one. */
  revoke(token: string): boolean {
    if (!this.grants.delete(token)) return this.end(this.byToken.get(token));
    for (const session of this.byToken.values()) if (session.refreshToken === token) this.end(session);
    return true;
  }

  /** A stream was opened with this session; gives the session. */
  join(session: Session): Session {
    session.streams++;
    return session;
  }

  /** That stream has ended: the session's time runs from now on. */
  leave(session: Session): void {
    if (--session.streams === 0) session.expiresAt = Math.max(session.expiresAt, this.org.now() + this.org.settings.sessionTimeout);
  }

  /** Tells of each session that is ended before its time. */
  onEnd(listener: (session: Session) => void): void {
    this.listeners.push(listener);
  }

  /** Gives a refresh token a new name, as rotation does; sessions it gave live on. */
  rotate(token: string): string {
    const grant = this.grants.get(token)!;
    this.grants.delete(token);
    const next = this.grant(grant);
    for (const session of this.byToken.values()) if (session.refreshToken === token) session.refreshToken = next;
    return next;
  }

  /** Ends the refresh tokens of all users, or of one; gives how many. */
  revokeRefreshTokens(username?: string): number {
    const wanted = [...this.grants].filter(([, grant]) => username === undefined || grant.username.toLowerCase() === username.toLowerCase());
    for (const [token] of wanted) this.revoke(token);
    return wanted.length;
  }

  /** Ends all sessions, or those of one client; gives how many. */
  expire(clientId?: string): number {
    let ended = 0;
    for (const session of this.byToken.values()) {
      if (clientId !== undefined && session.clientId !== clientId) continue;
      this.end(session);
      ended++;
    }
    return ended;
  }

  /** Counts a try to log in; false when the user has had too many within the hour. */
  admit(username: string): boolean {
    const now = this.org.now();
    if (now < this.blockedUntil) return false;
    const times = (this.loginTimes.get(username) ?? []).filter((time) => time > now - 3_600_000);
    this.loginTimes.set(username, times);
    if (times.length >= this.org.settings.loginLimit) return false;
    times.push(now);
    return true;
  }

  /** Admits nobody for so many ms; without a number, until it is called with 0. */
  exceedLoginRate(ms = Infinity): void {
    this.blockedUntil = this.org.now() + ms;
  }

  /** Remembers a secret that went over the wire, for tests to look for where it must not be. */
  noteSecret(secret: string): void {
    this.seen.push(secret);
    if (this.seen.length > MAX_SECRETS) this.seen.shift();
  }

  /** The last secrets that were given out or shown: tokens, codes, verifiers. */
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
