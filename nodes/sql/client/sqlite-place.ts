import { renameSync, statSync } from "node:fs";

/** Where a database file is, as the file system knows it: another file may get its name while it is open. */
export class SqlitePlace {
  private readonly found: string | undefined;
  /** Its write-ahead log, once there is one. */
  private log: string | undefined;

  /** @param file that is open now, or `:memory:` */
  constructor(readonly file: string) {
    this.found = file === ":memory:" ? undefined : look(file);
  }

  /** Whether the name is another file's now, or nobody's. */
  get isLeft(): boolean {
    if (this.found === undefined) return false;
    const now = look(this.file);
    if (now === this.found) this.log ??= this.lookForLog();
    return now !== undefined && now !== this.found;
  }

  /**
   * Takes the write-ahead log out of the way, which SQLite would take for that of the file that has the name now: its pages would be written into a database that is not theirs.
   *
   * @returns where it is kept, if there was one
   */
  setLogAside(): string | undefined {
    if (this.log === undefined || this.lookForLog() !== this.log) return undefined;
    const kept = `${this.file}-wal.${Date.now()}`;
    renameSync(`${this.file}-wal`, kept);
    return kept;
  }

  private lookForLog(): string | undefined {
    const found = look(`${this.file}-wal`);
    return found === NOWHERE ? undefined : found;
  }
}

const NOWHERE = "nowhere";

/** @returns `undefined` when nobody can tell */
function look(file: string): string | undefined {
  try {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat ? `${stat.dev} ${stat.ino}` : NOWHERE;
  } catch {
    return undefined;
  }
}
