import { errorText, isConnectorError } from "../../common/errors";
import type { Store } from "../../common/store";
import { type Deaths, Suspects } from "./suspects";

/** What {@link PoisonMarks} needs. */
export interface PoisonMarksOptions {
  store: Store;
  /** The key of the marks in the store. Each source has its own. */
  key: string;
  /** How often a message must have ended the process to be poison. At least 2, because after the first time it is unknown which of many messages it was. */
  limit: number;
  warn(text: string): void;
}

/** The marks, as they are stored. */
interface Kept {
  /** Whether the source runs. If this is still set when the source starts, the process has ended without closing it. */
  running: boolean;
  /** Suspects, by fingerprint. */
  deaths: Record<string, Deaths>;
  /** Fingerprints of the messages on trial. */
  inHand: string[];
  /** Messages that were let go and are still in the flow, by fingerprint: the most ms that each will have been there before this is written again. */
  letGo: Record<string, number>;
  /** Whether any source had let messages go that were still in the flow when the trial began. */
  inCompany?: boolean;
  /** When the trial ends at the latest, in ms after the start of the process. */
  until?: number;
  /** Fingerprint of the message that is kept back. */
  keptBack?: string;
  /** Fingerprint of the message whose code has ended the process. */
  endedBy?: string;
}

/** The knowledge of a `PoisonWatch` about the messages that may end the process, stored so that the next process has it, too. */
export class PoisonMarks {
  /** Those that are known, and what speaks against them. They are kept with the marks. */
  readonly suspects: Suspects;
  private kept: Omit<Kept, "deaths"> = { running: true, inHand: [], letGo: {} };
  /** Whether the source is closed. From then on, the marks belong to the node that replaces this one. */
  private ended = false;
  /** Whether the user was warned that marks cannot be written. */
  private isBlind = false;

  constructor(private readonly options: PoisonMarksOptions) {
    this.suspects = new Suspects(Math.max(2, options.limit));
  }

  /**
   * Reads the marks that the previous process has left, and notes that this one runs.
   *
   * @returns whether a message that has ended the process may come
   * @throws ConnectorError when the store is away
   */
  async begin(): Promise<boolean> {
    const { running, deaths, inHand, until = 0, letGo, inCompany = false, keptBack, endedBy } = await this.read();
    this.kept = { running: true, inHand: [], letGo: {} };
    this.suspects.begin(deaths);
    if (running) {
      this.suspects.count(inHand, inCompany, { until });
      this.suspects.countLate(inHand, letGo);
      if (keptBack !== undefined) this.absolve(keptBack);
      if (endedBy !== undefined) this.suspects.wasSeen(endedBy);
    }
    const mayCome = this.suspects.mayCome();
    await this.write();
    return running || mayCome; // a dead letter that had nowhere to go must not reach the flow when somebody has wired it, and so deployed
  }

  /** Notes that the source was closed in an orderly way. */
  async end(): Promise<void> {
    this.suspects.begin(this.suspects.unburied);
    this.kept = { running: false, inHand: [], letGo: {} };
    this.ended = true;
    await this.put().catch(() => undefined); // then the messages that come next are tried without need
  }

  /**
   * Notes that these messages are tried now.
   *
   * @param until when the trial ends at the latest, in ms after the start of the process
   * @param letGo as {@link Kept.letGo}
   * @param inCompany as {@link Kept.inCompany}
   */
  async take(prints: string[], until: number, letGo: Record<string, number>, inCompany: boolean): Promise<void> {
    this.kept = { ...this.kept, inHand: prints, until: Math.round(until), letGo, inCompany };
    await this.write();
  }

  /** Notes the messages that were let go. @param letGo as {@link Kept.letGo} */
  renew(letGo: Record<string, number>): void {
    this.kept.letGo = letGo;
    void this.write();
  }

  /** Notes that the process has stood still, until the connection was lost, with these messages on trial. @param letGo as {@link Kept.letGo} */
  stoodStill(prints: string[], letGo: Record<string, number>, inCompany: boolean): void {
    this.suspects.count(prints, inCompany, { stoodStill: true });
    this.suspects.countLate(prints, letGo, { stoodStill: true });
  }

  /**
   * Ends the trial of messages that have neither ended the process nor brought it to a standstill.
   *
   * @param written whether to store that at once
   * @param letGo as {@link Kept.letGo}. These messages may yet end the process
   */
  async clear(prints: string[], written: boolean, letGo: Record<string, number>): Promise<void> {
    this.suspects.clear(prints, (print) => letGo[print] !== undefined);
    this.kept.inHand = [];
    this.kept.letGo = letGo;
    delete this.kept.until;
    delete this.kept.inCompany;
    if (written) await this.write();
  }

  /** Forgets that a message's code was seen to end the process: this time, the message was settled. */
  settled(print: string): void {
    if (this.suspects.forgive(print)) void this.write();
  }

  /** Notes that the process exits now. @param print of the message whose code ends it; `undefined` if that is no message of this source */
  exits(print: string | undefined): void {
    const { inHand, letGo } = this.kept;
    if (print === undefined && inHand.length === 0 && Object.keys(letGo).length === 0) return;
    this.kept.inHand = inHand.filter((each) => each === print);
    this.kept.letGo = {};
    if (print !== undefined) this.kept.endedBy = print;
    try {
      this.options.store.writeAtOnce?.(this.options.key, this.all);
    } catch {
      // then the messages that were on trial or let go are tried the next time, as after a kill
    }
  }

  /** Notes that a message is kept back now, to see whether the process also ends or stands still without it. */
  async keepBack(print: string): Promise<void> {
    this.kept.keptBack = print;
    await this.write();
  }

  /** Notes the result when a message was kept back for long enough. @param isInnocent whether the process has stood still without it, too */
  async judge(print: string, isInnocent: boolean): Promise<void> {
    delete this.kept.keptBack;
    if (isInnocent) this.absolve(print);
    else this.suspects.wasKeptBack(print);
    await this.write();
  }

  /**
   * Notes that a message is on its way to the dead letters, or `safe` there. It is not forgotten before the source is closed in an orderly way, since the source may not
   * have noted yet that it is settled.
   */
  bury(print: string, safe: boolean): void {
    this.suspects.bury(print, safe);
    if (safe) void this.write();
  }

  /** Forgets a message, because the process has ended or stood still without it, too. */
  private absolve(print: string): void {
    this.suspects.forget(print);
    this.options.warn("Something else than the message that was suspected ends Node-RED, or keeps it busy: that has happened without it, too");
  }

  private async read(): Promise<Kept> {
    try {
      const kept = (await this.options.store.read(this.options.key)) as Partial<Kept> | undefined;
      return { ...kept, running: kept?.running === true, deaths: kept?.deaths ?? {}, inHand: kept?.inHand ?? [], letGo: kept?.letGo ?? {} };
    } catch (error) {
      if (isConnectorError(error)) throw error; // such an error is a database's, which will come back; a file that cannot be read stays so
      this.options.warn(`The marks of messages that end Node-RED cannot be read and are begun anew: ${errorText(error)}`);
      return { running: false, deaths: {}, inHand: [], letGo: {} };
    }
  }

  private get all(): Kept {
    return { ...this.kept, deaths: this.suspects.all };
  }

  private put(): Promise<void> {
    const { store, key } = this.options;
    const nothing = !this.kept.running && Object.keys(this.suspects.all).length === 0;
    return nothing ? store.remove(key) : store.write(key, this.all);
  }

  /** Stores the marks. If that fails, the user is warned once: the watch finds nothing without marks, but messages must go on. */
  private async write(): Promise<void> {
    if (this.ended) return;
    try {
      await this.put();
    } catch (error) {
      if (this.isBlind) return;
      this.isBlind = true;
      this.options.warn(`A message that ends Node-RED cannot be found out, because its mark cannot be written: ${errorText(error)}`);
    }
  }
}
