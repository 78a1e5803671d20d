import { realpathSync, renameSync, rmSync, statSync } from "node:fs";

const NOWHERE = "nowhere";

/** Where a database file is, as the file system knows it: another file may get its name while it is open. */
export class SqlitePlace {
  private readonly found: string | undefined;
  /** What SQLite keeps beside the file stands where links to it lead. */
  private readonly real: string;
  /** Its write-ahead log, once there is one. */
  private log: string | undefined;

  /** @param file that is open now, or `:memory:` */
  constructor(readonly file: string) {
    this.found = file === ":memory:" ? undefined : look(file);
    this.real = this.found === undefined ? file : follow(file);
  }

  /** Whether the name is another file's now, or nobody's. */
  get isLeft(): boolean {
    if (this.found === undefined) return false;
    const now = look(this.file);
    if (now === this.found) this.log ??= this.lookForLog();
    return now !== undefined && now !== this.found;
  }

  /**
   * Takes the write-ahead log out of the way, which SQLite would take for that of the file that has the name now: its pages would be written into a database that is not theirs. Its
   * index goes, too: another process may have that open still, and who joins it looks in the new log for what stands in the old one.
   *
   * @returns where it is kept, if there was one
   * @throws what keeps it from that: nobody may open the file then
   */
  setLogAside(): string | undefined {
    if (this.log === undefined || this.lookForLog() !== this.log) return undefined;
    const kept = `${this.real}-wal.${Date.now()}`;
    rmSync(`${this.real}-shm`, { force: true });
    renameSync(`${this.real}-wal`, kept);
    return kept;
  }

  private lookForLog(): string | undefined {
    const found = look(`${this.real}-wal`);
    return found === NOWHERE ? undefined : found;
  }
}

function follow(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // it is gone again
  }
}

/** @returns `undefined` when nobody can tell */
function look(file: string): string | undefined {
  try {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat ? `${stat.dev} ${stat.ino}` : NOWHERE;
  } catch {
    return undefined;
  }
}
