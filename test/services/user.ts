import { execFileSync } from "node:child_process";

/** The user as which a server runs. Empty if this process does not run as root: then the server has the same user. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

/** Returns the user that Debian's package has created for a server that refuses to run as root. */
export function serverUser(account: string): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync("id", [flag, account], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
