import { createHash, randomBytes } from "node:crypto";

/** What an authorization code was given for. */
export interface CodeGrant {
  clientId: string;
  username: string;
  redirectUri: string;
  scope: string;
  /** The `code_challenge` (S256) of the request, if it had one. */
  challenge?: string;
}

/** A code lives for 15 minutes. */
const LIFETIME = 15 * 60_000;

/** The authorization codes that were given out and not redeemed: each good for one try. */
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

  /** What the code stands for; it is gone after this, whatever comes of it. */
  redeem(code: string): CodeGrant | undefined {
    const grant = this.codes.get(code);
    this.codes.delete(code);
    return grant && grant.expiresAt > this.now() ? grant : undefined;
  }

  /** Ends all; gives how many. */
  clear(): number {
    const count = this.codes.size;
    this.codes.clear();
    return count;
  }
}

/**
 * Whether a verifier is the one a challenge was made of: base64url(SHA-256(verifier)), of unreserved characters, at least 43 (RFC 7636). That ends
 * at 128, but Salesforce asks for 128 random bytes in base64url, which are 171: what its own command line sends.
 */
export function fitsChallenge(verifier: string, challenge: string): boolean {
  return /^[A-Za-z0-9._~-]{43,171}$/.test(verifier) && createHash("sha256").update(verifier).digest("base64url") === challenge;
}
