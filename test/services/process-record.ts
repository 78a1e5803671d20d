import { existsSync, readFileSync } from "node:fs";

/** A process on this machine, told apart from a later one that got the same number. */
export interface ProcessRecord {
  pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/<pid>/stat); "" where there is no /proc. */
  started: string;
}

/** Fields of /proc/<pid>/stat behind the command name, which may itself hold spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Record of the process `pid` as it runs now. */
export function recordOf(pid: number): ProcessRecord {
  return { pid, started: statFields(pid)?.[19] ?? "" };
}

/** True while the recorded process runs; false once it ended, is a zombie, or its number went to another process. */
export function isAlive(record: ProcessRecord): boolean {
  if (!existsSync("/proc/self/stat")) {
    try {
      process.kill(record.pid, 0);
      return true;
    } catch {
      return false;
    }
  }
  const fields = statFields(record.pid);
  return fields !== undefined && fields[0] !== "Z" && fields[19] === record.started;
}

/** Sends a signal to the recorded process if it is still that one. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch {
    // ended between the look and the signal
  }
}

/** Direct children of a process: PostgreSQL's backends have sessions of their own, so a process group does not reach them. */
export function childrenOf(pid: number): ProcessRecord[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(/\s+/).map((child) => recordOf(Number(child)));
  } catch {
    return [];
  }
}
