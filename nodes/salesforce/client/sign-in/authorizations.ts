import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { systemClock, type Clock } from "../../../common/clock";
import { ConnectorError } from "../../../common/errors";
import { secureOrigin } from "./login-url";
import { needed } from "./needed";

/** The org that a user wants to connect, and how. */
export interface AuthorizationRequest {
  /** Id of the org node. */
  nodeId: string;
  loginUrl: string;
  clientId: string | undefined;
  clientSecret: string | undefined;
  /** URL to which the org sends the browser back. */
  redirectUri: string;
  /** The editor's user who asks; `""` when the editor needs no login. */
  user: string;
}

/** An authorization that waits for its browser to come back. */
export interface Pending extends AuthorizationRequest {
  origin: string;
  clientId: string;
  /** PKCE verifier; the org was given only its hash so far. */
  verifier: string;
  /** Hash of the cookie of the browser that has asked. */
  browser: Buffer;
  handle: string;
  expiresAt: number;
}

/** Result of an authorization. */
export type Outcome = { status: "waiting" } | { status: "connected"; username: string; instance: string } | { status: "failed"; problem: string };

/** How long the browser may take to come back, in ms: as long as Salesforce's own codes are valid. */
const LIFETIME = 10 * 60_000;

/** How many authorizations are remembered; the oldest are dropped first. */
const MOST = 20;

/** The scopes to ask for: access to the API, and a refresh token, by which to sign in later without the user. */
const SCOPE = "api refresh_token";

/**
 * The running authorizations by the web-server flow. Each has a `state` that is valid once, for a limited time, and only in the browser that began it, and a
 * PKCE verifier that is sent to nobody but the org.
 */
export class Authorizations {
  private readonly pending = new Map<string, Pending>();
  private readonly outcomes = new Map<string, { outcome: Outcome; user: string; expiresAt: number }>();

  constructor(private readonly clock: Pick<Clock, "now"> = systemClock) {}

  /**
   * Begins an authorization.
   *
   * @param browser value of the cookie by which the browser is recognized when it comes back
   * @returns `url`: where to send the browser; `handle`: what to give to {@link outcome}
   * @throws ConnectorError `NOT_CONFIGURED`
   */
  begin(request: AuthorizationRequest, browser: string): { url: string; handle: string } {
    const origin = secureOrigin(request.loginUrl);
    const clientId = needed(request.clientId, "consumer key");
    const [state, verifier, handle] = [random(), random(), random()];
    const expiresAt = this.clock.now() + LIFETIME;
    this.forgetOld();
    this.pending.set(state, { ...request, origin, clientId, verifier, handle, browser: hash(browser), expiresAt });
    this.outcomes.set(handle, { outcome: { status: "waiting" }, user: request.user, expiresAt });
    const query = new URLSearchParams({
      response_type: "code",
      client_id: clientId,
      redirect_uri: request.redirectUri,
      scope: SCOPE,
      state,
      code_challenge: hash(verifier).toString("base64url"),
      code_challenge_method: "S256",
      prompt: "login consent",
    });
    return { url: `${origin}/services/oauth2/authorize?${query.toString()}`, handle };
  }

  /** Gives the authorization of a `state`, which is valid only for this one call. `undefined` when it is unknown, too old, or of another browser. */
  take(state: string, browser: string): Pending | undefined {
    const found = this.pending.get(state);
    if (!found) return undefined;
    // not deleted: another browser must not use up the state
    if (!timingSafeEqual(found.browser, hash(browser))) return undefined;
    this.pending.delete(state);
    return found.expiresAt > this.clock.now() ? found : undefined;
  }

  /** Notes the result of an authorization. */
  settle({ handle, user, expiresAt }: Pending, outcome: Outcome): void {
    this.outcomes.set(handle, { outcome, user, expiresAt });
  }

  /** The result of an authorization, for the user who began it; `undefined` when there is none. */
  outcome(handle: string, user: string): Outcome | undefined {
    const found = this.outcomes.get(handle);
    return found && found.user === user && found.expiresAt > this.clock.now() ? found.outcome : undefined;
  }

  private forgetOld(): void {
    for (const map of [this.pending, this.outcomes]) {
      for (const [key, { expiresAt }] of map) if (expiresAt <= this.clock.now() || map.size >= MOST) map.delete(key);
    }
  }
}

/** A random text of 256 bits; also fit for a PKCE verifier. */
function random(): string {
  return randomBytes(32).toString("base64url");
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Checks a callback URL. @throws ConnectorError `INPUT_INVALID` when it is not the one that this pack serves, on the host that the request came from */
export function checkCallback(callback: string, path: string, requestOrigin: string | undefined): string {
  let url: URL | undefined;
  try {
    url = new URL(callback);
  } catch {
    // told below
  }
  const fits = url && /^https?:$/.test(url.protocol) && url.pathname.endsWith(path) && !url.search && !url.hash && !url.username && !url.password;
  if (!url || !fits || (requestOrigin !== undefined && url.origin !== requestOrigin)) {
    throw new ConnectorError("INPUT_INVALID", "The callback URL is not this editor's");
  }
  return url.href;
}
