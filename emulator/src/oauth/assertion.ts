import { verify } from "node:crypto";
import type { Client } from "../options";
import type { Org } from "../org";
import { OAuthError } from "./oauth-error";

/** How far `exp` may be in the future. The vendor's documentation says 3 minutes, but 5 are accepted. */
const MAX_AHEAD_SECONDS = 300;

interface Claims {
  iss?: unknown;
  sub?: unknown;
  aud?: unknown;
  exp?: unknown;
}

const invalidAssertion = (): OAuthError => new OAuthError("invalid_grant", "invalid assertion");

/**
 * Checks the assertion of the JWT bearer flow: signature, issuer, audience, expiry, subject.
 *
 * @param ownUrl the address to which the request was sent. Like a My Domain URL, it is a valid audience, unless the settings name the audiences
 * @returns the client for which the assertion was made
 */
export function checkAssertion(org: Org, assertion: string, ownUrl: string): Client {
  const [header = "", payload = "", signature = "", ...rest] = assertion.split(".");
  const { alg } = decode(header) as { alg?: unknown };
  const claims = decode(payload) as Claims;
  if (rest.length > 0 || alg !== "RS256") throw invalidAssertion();

  const client = typeof claims.iss === "string" ? org.client(claims.iss) : undefined;
  if (!client) throw new OAuthError("invalid_client_id", "client identifier invalid");
  const signed = Buffer.from(`${header}.${payload}`);
  if (!client.publicKey || !verify("sha256", signed, client.publicKey, Buffer.from(signature, "base64url"))) throw invalidAssertion();

  const { jwtAudiences = ["https://login.salesforce.com", ownUrl] } = org.settings;
  if (!jwtAudiences.includes(String(claims.aud))) throw new OAuthError("invalid_grant", "audience is invalid");
  if (typeof claims.exp !== "number") throw invalidAssertion();
  const now = org.now() / 1000;
  // A time in ms, which is a common mistake, is too far in the future and ends up here, too.
  if (claims.exp <= now || claims.exp > now + MAX_AHEAD_SECONDS) throw new OAuthError("invalid_grant", "expired authorization code");
  if (String(claims.sub).toLowerCase() !== client.username.toLowerCase()) {
    throw new OAuthError("invalid_grant", "user hasn't approved this consumer");
  }
  return client;
}

function decode(part: string): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // reported below
  }
  throw invalidAssertion();
}
