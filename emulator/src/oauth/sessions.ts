import { randomBytes } from "node:crypto";
import type { Client } from "../options";
import type { Org } from "../org";

/** One access token and what it stands for. */
export interface Session {
  token: string;
  clientId: string;
  username: string;
  userId: string;
  /** ms since the epoch. */
  expiresAt: number;
}

/** The access tokens of the org. */
export class Sessions {
  private readonly byToken = new Map<string, Session>();
  private readonly loginTimes = new Map<string, number[]>();

  constructor(private readonly org: Org) {}

  get count(): number {
    return this.byToken.size;
  }

  /** Opens a session for the user a client runs as. Tokens are opaque: `<15-character org id>!<rest>`. */
  open(client: Client): Session {
    const session: Session = {
      token: `${this.org.id.slice(0, 15)}!${randomBytes(48).toString("base64url")}`,
      clientId: client.clientId,
      username: client.username,
      userId: this.org.userId(client.username),
      expiresAt: this.org.now() + this.org.settings.sessionTimeout,
    };
    this.byToken.set(session.token, session);
    this.org.stats.countLogin(client.clientId);
    return session;
  }

  /** The live session of a token. */
  find(token: string): Session | undefined {
    const session = this.byToken.get(token);
    if (session && session.expiresAt <= this.org.now()) {
      this.byToken.delete(token);
      return undefined;
    }
    return session;
  }

  /** Ends one session; says whether there was one. */
  revoke(token: string): boolean {
    return this.byToken.delete(token);
  }

  /** Ends all sessions, or those of one client; gives how many. */
  expire(clientId?: string): number {
    let ended = 0;
    for (const session of this.byToken.values()) {
      if (clientId !== undefined && session.clientId !== clientId) continue;
      this.byToken.delete(session.token);
      ended++;
    }
    return ended;
  }

  /** Counts a try to log in; false when the user has had too many within the hour. */
  admit(username: string): boolean {
    const now = this.org.now();
    const times = (this.loginTimes.get(username) ?? []).filter((time) => time > now - 3_600_000);
    this.loginTimes.set(username, times);
    if (times.length >= this.org.settings.loginLimit) return false;
    times.push(now);
    return true;
  }

  clear(): void {
    this.byToken.clear();
    this.loginTimes.clear();
  }
}
