import { randomInt } from "node:crypto";
import { ConnectorError, isConnectorError, toConnectorError } from "../../../common/errors";
import { InTurn } from "../../../common/in-turn";
import type { FencedValue, SharedStore } from "../../../common/store";
import type { Interaction } from "./interaction";
import { nextTime } from "./owed";

/** Another instance may change a case at the same moment. The decision is then made anew, so many times at most. */
const ATTEMPTS = 10;

/** Decides on a change, given what is kept of the case. @returns what is to be kept: the same object for no change, `undefined` for nothing */
export type Change<T> = (record: Interaction | undefined) => { record: Interaction | undefined; result: T };

/** What was kept of a case before the org was asked about it. If another instance has changed that since, the org's answer may be out of date. */
export interface Seen {
  kept: FencedValue | undefined;
  /** Called when another instance has changed what is kept: asks the org once more. */
  again(): Promise<void>;
}

/**
 * What is kept of each case in the store. Two instances may change a case at the same time. A change is written only if what is kept is still what the
 * decision was based on, so that they cannot both ask for an interaction.
 */
export class CaseRecords {
  private readonly turns = new InTurn();
  /** What is kept of cases, as this instance saw it last; for the timers and the status. */
  private readonly seen = new Map<string, Interaction>();
  /** While {@link load} runs: the cases changed since it began. */
  private changed: Set<string> | undefined;
  private wasLoaded = false;
  private readonly states = { waiting: 0, open: 0, closing: 0, idle: 0 };

  /** @param prefix beginning of all keys, with a slash at its end */
  constructor(
    private readonly store: SharedStore,
    private readonly prefix: string,
  ) {}

  /** Reads what is kept of a case; to be called before the org is asked about the case, see {@link Seen}. @throws ConnectorError `STORE_UNAVAILABLE` */
  read(caseId: string): Promise<FencedValue | undefined> {
    return this.guarded(() => this.store.readFenced(this.prefix + caseId));
  }

  /**
   * Has a change decided, given what is kept of a case, and writes the result unless it is the same object.
   *
   * @param seen to be given when the decision also depends on what the org said: it then counts only if what is kept has not changed since
   * @throws ConnectorError `STORE_UNAVAILABLE`, and whatever {@link Seen.again} throws
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

  /**
   * Reads what is kept of all cases: at the start, and from time to time where the store is shared. Must not run twice at once.
   *
   * @returns ids of all cases of which something is kept
   */
  async load(): Promise<string[]> {
    const changed = (this.changed = new Set<string>());
    const gone = new Set(this.seen.keys());
    const caseIds: string[] = [];
    const read = async (): Promise<void> => {
      for await (const page of this.store.entries(this.prefix)) {
        for (const { key, value } of page) {
          const caseId = key.slice(this.prefix.length);
          if (!/^[A-Za-z0-9]{18}$/.test(caseId)) continue; // other entries: the lease, the ids of queues
          caseIds.push(caseId);
          gone.delete(caseId);
          if (!changed.has(caseId)) this.note(caseId, value as Interaction); // the page may be older than a change made meanwhile
        }
      }
    };
    await this.guarded(read).finally(() => (this.changed = undefined));
    for (const caseId of gone) await this.refresh(caseId);
    this.wasLoaded = true;
    return caseIds;
  }

  /** Ids of the cases whose time has come. @param now ms since the epoch */
  due(now: number): string[] {
    return [...this.seen].flatMap(([id, record]) => ((nextTime(record) ?? Infinity) <= now ? id : []));
  }

  /** Ids of the cases for which outputs are owed; see `OwedOutputs`. */
  get owed(): string[] {
    return [...this.seen].flatMap(([id, { handled }]) => (handled.some(({ due }) => due !== undefined) ? id : []));
  }

  /** Whether all cases were read once, so that {@link count} includes those from before the start. */
  get isLoaded(): boolean {
    return this.wasLoaded;
  }

  /** How many cases wait for an answer, and how many have an open interaction. */
  get count(): { waiting: number; open: number } {
    const { waiting, open } = this.states;
    return { waiting, open };
  }

  /** Reads a case anew, after changes of it that are running, so that it does not note what was kept before them. */
  private refresh(caseId: string): Promise<void> {
    return this.turns.run(this.prefix + caseId, async () => this.note(caseId, (await this.read(caseId))?.value as Interaction | undefined));
  }

  private write(caseId: string, record: Interaction | undefined, fence: number | undefined): Promise<boolean> {
    const key = this.prefix + caseId;
    return this.guarded(async () => {
      // a new record begins with a random fence instead of 1, so that it is never taken for an earlier record of the case
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
