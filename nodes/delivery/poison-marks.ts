import { errorText } from "../common/errors";
import type { Store } from "../common/store";

/** What a message is suspected of. */
export interface Deaths {
  /** How often it was in hand, among few, as the process ended or stood still. */
  times: number;
  /** How often of those it was alone. */
  alone: number;
  /** The process did not end each time: it stood still until its connection was lost. */
  stoodStill?: boolean;
  /** It is safe among the dead letters, and does not come again, unless its source could not note that. */
  buried?: boolean;
}

/** What is kept. */
interface Kept {
  /** The source runs; still set when it starts: the process has ended without closing it. */
  running: boolean;
  /** By fingerprint. */
  deaths: Record<string, Deaths>;
  /** Fingerprints of those in hand now. */
  inHand: string[];
}

/** Where marks are kept. */
export interface PoisonMarksOptions {
  store: Store;
  /** Under which: one for each source. */
  key: string;
  warn(text: string): void;
}

/** Suspects that are remembered at most. */
const MAX_REMEMBERED = 1_000;

/** The marks of a source's messages that may have ended the process, which outlive it. */
export class PoisonMarks {
  private kept: Kept = { running: true, deaths: {}, inHand: [] };
  /** The user knows that they cannot be written. */
  private isBlind = false;

  constructor(private readonly options: PoisonMarksOptions) {}

  /** Reads what the last process has left, and writes that the source runs. @returns whether that process has ended without closing it */
  async begin(): Promise<boolean> {
    const { running, deaths, inHand } = await this.read();
    this.kept = { running: true, deaths, inHand: [] };
    if (running) this.count(inHand);
    const forgotten = Object.keys(deaths).slice(0, -MAX_REMEMBERED);
    for (const print of forgotten) delete deaths[print];
    await this.write();
    return running;
  }

  /** What a message is suspected of, by its fingerprint. */
  of(print: string): Deaths | undefined {
    return this.kept.deaths[print];
  }

  /** All that is suspected of any. */
  get all(): Deaths[] {
    return Object.values(this.kept.deaths);
  }

  /** The process has ended with these in hand, or stood still. */
  count(prints: string[], stoodStill = false): void {
    for (const print of new Set(prints)) {
      const before = this.of(print);
      const alone = (before?.alone ?? 0) + (prints.length === 1 ? 1 : 0);
      this.kept.deaths[print] = { times: (before?.times ?? 0) + 1, alone, ...(stoodStill || before?.stoodStill ? { stoodStill: true } : {}) };
    }
  }

  /** These are suspected of nothing any more. */
  clear(prints: string[]): void {
    for (const print of prints) delete this.kept.deaths[print];
  }

  /** Which are in hand from now on. To be written before they are handed over. */
  set inHand(prints: string[]) {
    this.kept.inHand = prints;
  }

  /** The source has closed in good order. */
  async end(): Promise<void> {
    const deaths = Object.fromEntries(Object.entries(this.kept.deaths).filter(([, { buried }]) => !buried));
    this.kept = { running: false, deaths, inHand: [] };
    await this.put().catch(() => undefined); // those that come next are then tried in vain
  }

  /** Without its marks the watch sees nothing, but messages must go on. */
  async write(): Promise<void> {
    try {
      await this.put();
    } catch (error) {
      if (this.isBlind) return;
      this.isBlind = true;
      this.options.warn(`A message that ends Node-RED cannot be found out, because its mark cannot be written: ${errorText(error)}`);
    }
  }

  private put(): Promise<void> {
    const { store, key } = this.options;
    const nothing = !this.kept.running && Object.keys(this.kept.deaths).length === 0;
    return nothing ? store.remove(key) : store.write(key, this.kept);
  }

  private async read(): Promise<Kept> {
    try {
      const found = (await this.options.store.read(this.options.key)) as Partial<Kept> | undefined;
      return { running: found?.running === true, deaths: found?.deaths ?? {}, inHand: found?.inHand ?? [] };
    } catch (error) {
      this.options.warn(`The marks of messages that end Node-RED cannot be read and are begun anew: ${errorText(error)}`);
      return { running: false, deaths: {}, inHand: [] };
    }
  }
}
