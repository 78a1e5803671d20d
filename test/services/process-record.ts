import { existsSync, readFileSync } from "node:fs";

/** A process on this machine. Distinguishes it from a later one with the same id. */
export interface ProcessRecord {
  pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/<pid>/stat); "" if there is no /proc. */
  started: string;
}

/** Returns the fields of /proc/<pid>/stat after the command name, which may itself contain spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Returns the record of the process that has this id now. */
export function recordOf(pid: number): ProcessRecord {
  return { pid, started: statFields(pid)?.[19] ?? "" };
}

/** Whether the recorded process runs: false if it has ended or is a zombie, or if another process has its id. */
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
    // it has ended between the check and the signal
  }
}

/** Returns the direct children of a process. PostgreSQL's backends have sessions of their own, so a signal to a process group does not reach them. */
export function childrenOf(pid: number): ProcessRecord[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(/\s+/).map((child) => recordOf(Number(child)));
  } catch {
    return [];
  }
}
