import { timingSafeEqual } from "node:crypto";

/** Somebody who can sign in. */
export interface UserOptions {
  username: string;
  /** Without one the user signs in neither on the login page nor by password grant or SOAP. */
  password?: string;
  /** What follows the password in the password grant and the SOAP login; not on the login page. */
  securityToken?: string;
  /** Default `Integration`. */
  name?: string;
}

/** A user with the defaults filled in. */
export interface User extends UserOptions {
  name: string;
}

/** The users of the org, found in any case. */
export class Users {
  private readonly byName = new Map<string, User>();

  constructor(private readonly given: readonly UserOptions[]) {
    this.reset();
  }

  /** Back to the users given, with the passwords they had. */
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

  /** Gives a user a password; one that was no user who can sign in becomes one. */
  setPassword(username: string, password: string): void {
    const key = username.trim().toLowerCase();
    this.byName.set(key, { name: "Integration", ...this.byName.get(key), username: username.trim(), password });
  }

  /** Whether this is the password for an API login: with the security token behind it. */
  isPassword(user: User, given: string): boolean {
    return user.password !== undefined && sameText(user.password + (user.securityToken ?? ""), given);
  }

  /** Whether this is the password for the login page. */
  isPagePassword(user: User, given: string): boolean {
    return user.password !== undefined && sameText(user.password, given);
  }
}

/** Compares secrets in a time that does not tell how much of them fits. */
export function sameText(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
