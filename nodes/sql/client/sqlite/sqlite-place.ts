import { realpathSync, renameSync, rmSync, statSync } from "node:fs";

const NOWHERE = "nowhere";

/** Knows a database file by its identity in the file system, since another file may get its name while it is open. */
export class SqlitePlace {
  private readonly found: string | undefined;
  /** Path of the file with symbolic links followed: SQLite keeps its other files beside that one. */
  private readonly real: string;
  /** Identity of the write-ahead log, once there is one. */
  private log: string | undefined;

  /** @param file path of the file, which is open now, or `:memory:` */
  constructor(readonly file: string) {
    this.found = file === ":memory:" ? undefined : look(file);
    this.real = this.found === undefined ? file : follow(file);
  }

  /** Whether the name now belongs to another file, or to none. Also false when the file system does not tell. */
  get isLeft(): boolean {
    if (this.found === undefined) return false;
    const now = look(this.file);
    if (now === this.found) this.log ??= this.lookForLog();
    return now !== undefined && now !== this.found;
  }

  /**
   * Renames the write-ahead log of the old file. SQLite would take it for the log of the file that has the name now, and would write its pages into the wrong
   * database. The index of the log is deleted, too: another process may still have it open, and one that joins it would look in the new log for pages of the old.
   *
   * @returns the new path of the log; `undefined` if there was none
   * @throws the error of the file system; the database must not be opened then
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
    return file; // it was deleted in the meantime
  }
}

/** Returns the identity of a file: device and inode, or `nowhere` when it does not exist; `undefined` when the file system does not tell. */
function look(file: string): string | undefined {
  try {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat ? `${stat.dev} ${stat.ino}` : NOWHERE;
  } catch {
    return undefined;
  }
}
