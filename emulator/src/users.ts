import { timingSafeEqual } from "node:crypto";

/** A user who can sign in. */
export interface UserOptions {
  username: string;
  /** Without a password, the user can sign in neither on the login page nor by the password grant or SOAP. */
  password?: string;
  /** The security token that follows the password in the password grant and the SOAP login, but not on the login page. */
  securityToken?: string;
  /** Default `Integration`. */
  name?: string;
}

/** A user with the defaults filled in. */
export interface User extends UserOptions {
  name: string;
}

/** The users of the org. They are found by user name in upper or lower case. */
export class Users {
  private readonly byName = new Map<string, User>();

  constructor(private readonly given: readonly UserOptions[]) {
    this.reset();
  }

  /** Restores the users from the options, with their passwords. */
  reset(): void {
    this.byName.clear();
    for (const user of this.given) {
      const key = user.username.toLowerCase();
      if (!this.byName.has(key)) this.byName.set(key, { ...user, name: user.name ?? "Integration" });
    }
  }

  all(): Iterable<User> {
    return this.byName.values();
  }

  find(username: string): User | undefined {
    return this.byName.get(username.trim().toLowerCase());
  }

  /** Sets a user's password. A user who could not sign in before can do so then. */
  setPassword(username: string, password: string): void {
    const key = username.trim().toLowerCase();
    this.byName.set(key, { name: "Integration", ...this.byName.get(key), username: username.trim(), password });
  }

  /** Whether this is the password for an API login, followed by the security token. */
  isPassword(user: User, given: string): boolean {
    return user.password !== undefined && sameText(user.password + (user.securityToken ?? ""), given);
  }

  /** Whether this is the password for the login page. */
  isPagePassword(user: User, given: string): boolean {
    return user.password !== undefined && sameText(user.password, given);
  }
}

/** Compares secrets in a time that does not show how much of them is equal. */
export function sameText(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
