import { createHash, randomBytes } from "node:crypto";

/** The request for which an authorization code was issued. */
export interface CodeGrant {
  clientId: string;
  username: string;
  redirectUri: string;
  scope: string;
  /** The `code_challenge` (S256) of the request, if it had one. */
  challenge?: string;
}

/** How long a code is valid, in ms. */
const LIFETIME = 15 * 60_000;

/** The authorization codes that were issued and not redeemed. Each is valid for one attempt. */
export class AuthorizationCodes {
  private readonly codes = new Map<string, CodeGrant & { expiresAt: number }>();

  constructor(
    private readonly now: () => number,
    private readonly onIssue: (code: string) => void,
  ) {}

  issue(grant: CodeGrant): string {
    const code = `aPrx${randomBytes(36).toString("base64url")}`;
    this.onIssue(code);
    this.codes.set(code, { ...grant, expiresAt: this.now() + LIFETIME });
    return code;
  }

  /** Returns what the code was issued for. After this the code is gone in any case. */
  redeem(code: string): CodeGrant | undefined {
    const grant = this.codes.get(code);
    this.codes.delete(code);
    return grant && grant.expiresAt > this.now() ? grant : undefined;
  }

  /** Ends all codes. @returns how many there were */
  clear(): number {
    const count = this.codes.size;
    this.codes.clear();
    return count;
  }
}

/**
 * Whether a challenge was made from this verifier: it is base64url(SHA-256(verifier)), and the verifier has at least 43 characters, all unreserved (RFC 7636). The RFC
 * allows at most 128, but Salesforce asks for 128 random bytes in base64url, which are 171 characters, and its own command line sends these.
 */
export function fitsChallenge(verifier: string, challenge: string): boolean {
  return /^[A-Za-z0-9._~-]{43,171}$/.test(verifier) && createHash("sha256").update(verifier).digest("base64url") === challenge;
}
