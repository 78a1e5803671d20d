import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { systemClock, type Clock } from "../../../common/clock";
import { ConnectorError } from "../../../common/errors";
import { secureOrigin } from "./login-url";
import { needed } from "./needed";

/** What someone wants to connect. */
export interface AuthorizationRequest {
  /** Of the org node. */
  nodeId: string;
  loginUrl: string;
  clientId: string | undefined;
  clientSecret: string | undefined;
  /** Where the org sends the browser back to. */
  redirectUri: string;
  /** Who asks, as Node-RED knows them; `""` when nobody has to log in. */
  user: string;
}

/** An authorization that waits for its browser. */
export interface Pending extends AuthorizationRequest {
  origin: string;
  clientId: string;
  /** PKCE; what the org was shown is its hash. */
  verifier: string;
  /** Of the browser that has asked. */
  browser: Buffer;
  handle: string;
  expiresAt: number;
}

/** What came of an authorization. */
export type Outcome = { status: "waiting" } | { status: "connected"; username: string; instance: string } | { status: "failed"; problem: string };

/** How long a browser may take, in ms: Salesforce's own codes live as long. */
const LIFETIME = 10 * 60_000;

/** Authorizations remembered; the oldest goes first. */
const MOST = 20;

/** The scopes to ask for: the API, and to come back without a user. */
const SCOPE = "api refresh_token";

/**
 * Authorizations by the web-server flow that are under way. Each has a `state` that is good once, in time, and in the browser that began
 * it, and a PKCE verifier that never leaves this process but to the org.
 */
export class Authorizations {
  private readonly pending = new Map<string, Pending>();
  private readonly outcomes = new Map<string, { outcome: Outcome; user: string; expiresAt: number }>();

  constructor(private readonly clock: Pick<Clock, "now"> = systemClock) {}

  /**
   * Begins one.
   *
   * @param browser what the browser shows again when it comes back: the value of its cookie
   * @returns where to send the browser, and by what to ask for the outcome
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

  /** The authorization of a `state`, which is used up by this. Undefined when it is unknown, old, or of another browser. */
  take(state: string, browser: string): Pending | undefined {
    const found = this.pending.get(state);
    if (!found) return undefined;
    // Someone else's browser does not spoil the state for its own.
    if (!timingSafeEqual(found.browser, hash(browser))) return undefined;
    this.pending.delete(state);
    return found.expiresAt > this.clock.now() ? found : undefined;
  }

  /** Notes what came of one. */
  settle({ handle, user, expiresAt }: Pending, outcome: Outcome): void {
    this.outcomes.set(handle, { outcome, user, expiresAt });
  }

  /** What came of one, for the user who began it. Undefined when there is none. */
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

/** 256 bits that nobody guesses; also a good PKCE verifier. */
function random(): string {
  return randomBytes(32).toString("base64url");
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** @throws ConnectorError `INPUT_INVALID` when a callback is not the one this pack serves, on the host the request came from */
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
