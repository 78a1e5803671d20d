import { ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import { InTurn } from "../../../common/in-turn";
import type { SharedStore } from "../../../common/store";
import type { Interaction } from "./interaction";

/** Another instance may change a case at the same moment: then it is decided anew, so often at most. */
const ATTEMPTS = 10;

/** What the next change of a case is to be; `undefined` to leave it as it is. */
export type Change<T> = (record: Interaction | undefined) => { record: Interaction | undefined; result: T };

/**
 * What is kept of each case. Two instances may change a case at the same time: a change is written only if what it was decided on is still
 * there, so that they cannot both ask for an interaction.
 */
export class CaseRecords {
  private readonly turns = new InTurn();
  /** Cases with something open, as this instance saw them last; for the timers and the status. */
  private readonly seen = new Map<string, Interaction>();

  /** @param prefix of all keys, with a slash at its end */
  constructor(
    private readonly store: SharedStore,
    private readonly prefix: string,
  ) {}

  /** Decides on what is kept of a case, and writes what it decides, unless that is the same object. @throws ConnectorError `STORE_UNAVAILABLE` */
  change<T>(caseId: string, decide: Change<T>): Promise<T> {
    const key = this.prefix + caseId;
    return this.turns.run(key, async () => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const kept = await this.guarded(() => this.store.readFenced(key));
        const before = kept?.value as Interaction | undefined;
        const { record, result } = decide(before);
        if (await this.guarded(() => this.write(key, before, record, kept?.fence))) {
          this.note(caseId, record);
          return result;
        }
      }
      throw new ConnectorError("STORE_UNAVAILABLE", `What is kept of case ${caseId} is changed by others again and again`);
    });
  }

  /** Reads what is kept of all cases; for the start, and for a shared store from time to time. */
  async load(): Promise<void> {
    const keys = await this.guarded(() => this.store.keys(this.prefix));
    const caseIds = keys.map((key) => key.slice(this.prefix.length)).filter((id) => /^[A-Za-z0-9]{18}$/.test(id));
    const there = new Set(caseIds);
    for (const id of this.seen.keys()) if (!there.has(id)) this.seen.delete(id);
    for (const id of caseIds) {
      const value = await this.guarded(() => this.store.read(this.prefix + id));
      this.note(id, value as Interaction | undefined);
    }
  }

  /** Cases whose time is up. */
  due(now: number): string[] {
    return [...this.seen].flatMap(([id, { due }]) => (due !== undefined && due <= now ? id : []));
  }

  /** How many cases wait for an answer, and how many have an open interaction. */
  get count(): { waiting: number; open: number } {
    let [waiting, open] = [0, 0];
    for (const { state } of this.seen.values()) {
      if (state === "waiting") waiting += 1;
      if (state === "open") open += 1;
    }
    return { waiting, open };
  }

  private async write(key: string, before: Interaction | undefined, record: Interaction | undefined, fence: number | undefined): Promise<boolean> {
    if (record === before) return true;
    if (record) return this.store.swap(key, record, (fence ?? 0) + 1, fence);
    await this.store.remove(key);
    return true;
  }

  private note(caseId: string, record: Interaction | undefined): void {
    if (!record || record.state === "idle") this.seen.delete(caseId);
    else this.seen.set(caseId, record);
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isConnectorError(error) ? error : toConnectorError(error, "STORE_UNAVAILABLE");
    }
  }
}
