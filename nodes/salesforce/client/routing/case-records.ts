import { randomInt } from "node:crypto";
import { ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import { InTurn } from "../../../common/in-turn";
import type { FencedValue, SharedStore } from "../../../common/store";
import type { Interaction } from "./interaction";
import { nextTime } from "./owed";

/** Another instance may change a case at the same moment: then it is decided anew, so often at most. */
const ATTEMPTS = 10;

/** What the next change of a case is to be; `undefined` to leave it as it is. */
export type Change<T> = (record: Interaction | undefined) => { record: Interaction | undefined; result: T };

/** What was kept of a case before the org was asked about it: what it says may be old by the time that it is decided on. */
export interface Seen {
  kept: FencedValue | undefined;
  /** Another has changed what is kept meanwhile: asks the org once more. */
  again(): Promise<void>;
}

/**
 * What is kept of each case. Two instances may change a case at the same time: a change is written only if what it was decided on is still
 * there, so that they cannot both ask for an interaction.
 */
export class CaseRecords {
  private readonly turns = new InTurn();
  /** Cases with something open or owed, as this instance saw them last; for the timers and the status. */
  private readonly seen = new Map<string, Interaction>();
  /** Cases that were changed while all are read. */
  private changed: Set<string> | undefined;
  private wasLoaded = false;
  private readonly states = { waiting: 0, open: 0, closing: 0, idle: 0 };

  /** @param prefix of all keys, with a slash at its end */
  constructor(
    private readonly store: SharedStore,
    private readonly prefix: string,
  ) {}

  /** What is kept of a case, to be looked at before the org is asked about it; see {@link Seen}. @throws ConnectorError `STORE_UNAVAILABLE` */
  read(caseId: string): Promise<FencedValue | undefined> {
    return this.guarded(() => this.store.readFenced(this.prefix + caseId));
  }

  /**
   * Decides on what is kept of a case, and writes what it decides, unless that is the same object.
   *
   * @param seen where the decision stands on what the org says, too: then it counts only if what is kept is still the same
   * @throws ConnectorError `STORE_UNAVAILABLE`, and what asking the org again does
   */
  change<T>(caseId: string, decide: Change<T>, seen?: Seen): Promise<T> {
    return this.turns.run(this.prefix + caseId, async () => {
      let kept = seen ? seen.kept : await this.read(caseId);
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const before = kept?.value as Interaction | undefined;
        const { record, result } = decide(before);
        if (record === before ? !seen || (await this.read(caseId))?.fence === kept?.fence : await this.write(caseId, record, kept?.fence)) {
          this.changed?.add(caseId);
          this.note(caseId, record);
          return result;
        }
        kept = await this.read(caseId);
        await seen?.again();
      }
      throw new ConnectorError("STORE_UNAVAILABLE", `What is kept of case ${caseId} is changed by others again and again`);
    });
  }

  /** Reads what is kept of all cases; for the start, and for a shared store from time to time. One at a time. @returns the ids of all of which something is kept */
  async load(): Promise<string[]> {
    const changed = (this.changed = new Set<string>());
    const gone = new Set(this.seen.keys());
    const caseIds: string[] = [];
    const read = async (): Promise<void> => {
      for await (const page of this.store.entries(this.prefix)) {
        for (const { key, value } of page) {
          const caseId = key.slice(this.prefix.length);
          if (!/^[A-Za-z0-9]{18}$/.test(caseId)) continue; // the lease, the ids of queues
          caseIds.push(caseId);
          gone.delete(caseId);
          if (!changed.has(caseId)) this.note(caseId, value as Interaction); // its page may be older
        }
      }
    };
    await this.guarded(read).finally(() => (this.changed = undefined));
    for (const caseId of gone) await this.refresh(caseId);
    this.wasLoaded = true;
    return caseIds;
  }

  /** Cases whose time is up. */
  due(now: number): string[] {
    return [...this.seen].flatMap(([id, record]) => ((nextTime(record) ?? Infinity) <= now ? id : []));
  }

  /** Cases for which something is owed. */
  get owed(): string[] {
    return [...this.seen].flatMap(([id, { handled }]) => (handled.some(({ due }) => due !== undefined) ? id : []));
  }

  /** Whether all were read, so that {@link count} counts those of before. */
  get isLoaded(): boolean {
    return this.wasLoaded;
  }

  /** How many cases wait for an answer, and how many have an open interaction. */
  get count(): { waiting: number; open: number } {
    const { waiting, open } = this.states;
    return { waiting, open };
  }

  /** In its turn: a change that is under way is seen, and not lost sight of again. */
  private refresh(caseId: string): Promise<void> {
    return this.turns.run(this.prefix + caseId, async () => this.note(caseId, (await this.read(caseId))?.value as Interaction | undefined));
  }

  private write(caseId: string, record: Interaction | undefined, fence: number | undefined): Promise<boolean> {
    const key = this.prefix + caseId;
    return this.guarded(async () => {
      // Not from 1: what is made anew is told from what was decided on before.
      if (record) return this.store.swap(key, record, (fence ?? randomInt(2 ** 47)) + 1, fence);
      return fence === undefined || this.store.removeFenced(key, fence);
    });
  }

  private note(caseId: string, record: Interaction | undefined): void {
    const before = this.seen.get(caseId);
    if (before) this.states[before.state] -= 1;
    if (record && (record.state !== "idle" || nextTime(record) !== undefined)) {
      this.states[record.state] += 1;
      this.seen.set(caseId, record);
    } else this.seen.delete(caseId);
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isConnectorError(error) ? error : toConnectorError(error, "STORE_UNAVAILABLE");
    }
  }
}
