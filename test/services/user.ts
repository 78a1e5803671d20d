import { execFileSync } from "node:child_process";

/** User that a server runs as. Empty when this process is no root: then it runs as ourselves. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

/** The account that Debian's package made for a server that refuses to run as root. */
export function serverUser(account: string): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync("id", [flag, account], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
