import { createHash } from "node:crypto";
import { ConnectorError, errorText } from "../../../common/errors";
import type { Store } from "../../../common/store";
import { orgPlace } from "../org-place";
import type { Session } from "../sign-in/login";

/** What is kept of one load. */
export interface Load {
  /** When it began, ms since the epoch. */
  at: number;
  /** Its jobs, in their order: those after the first were given what the ones before had left. */
  jobs: string[];
  /** The rows that failed were told: who comes again wants them tried again. */
  told?: true;
  /** All rows are in the org, and the message went on. */
  done?: true;
  /** Its rows were too much for one upload, and are loads of their own by halves. */
  parted?: true;
  /** Of rows that many messages brought: what each is, by a hash. */
  rows?: string[];
}

/** ms that the org keeps a job. */
const KEPT = 7 * 24 * 3_600_000;
/** Loads remembered of one node; the oldest done ones give way. */
const MOST = 1_000;

/**
 * Which jobs a node has given its rows to, so that the same rows, come again after a restart or a timeout, take up their job and are not
 * loaded twice. One small value in the store, for the node: pruned as it is written.
 */
export class JobBook {
  private kept: { name: string; loads: Map<string, Load> } | undefined;

  /** @param name of the node's value in the store: another for each org, as what was loaded into one is not in the next */
  constructor(
    private readonly store: Store,
    private readonly name: string | (() => Promise<string>),
  ) {}

  /** The book of a node, for the org that it is signed in to. */
  static of(node: string, store: Store, org: { openSession(): Promise<Session> }): JobBook {
    return new JobBook(store, async () => `salesforce-bulk/${orgPlace(await org.openSession())}/${node}`);
  }

  /** What is known of a load. @throws ConnectorError `STORE_UNAVAILABLE`, as all of these, and when nobody can sign in to the org */
  async find(key: string): Promise<Load | undefined> {
    const load = (await this.read()).loads.get(key);
    return load && Date.now() - load.at < KEPT ? load : undefined;
  }

  /** Every load that is not done. */
  async open(): Promise<[string, Load][]> {
    return [...(await this.read()).loads].filter(([, load]) => !load.done && Date.now() - load.at < KEPT);
  }

  /** Writes a load down. Resolves when it is safe; else what was known of it stands. */
  async put(key: string, load: Load): Promise<void> {
    await this.change(key, load);
  }

  /** Forgets a load; not when that cannot be written. */
  async remove(key: string): Promise<void> {
    if ((await this.read()).loads.has(key)) await this.change(key, undefined);
  }

  private async read(): Promise<NonNullable<JobBook["kept"]>> {
    const name = typeof this.name === "string" ? this.name : await this.name();
    if (this.kept?.name === name) return this.kept;
    const value = await this.store.read(name).catch((error: unknown) => {
      throw unavailable("read", error);
    });
    if (this.kept?.name !== name) this.kept = { name, loads: new Map(Object.entries((value as { loads?: Record<string, Load> } | undefined)?.loads ?? {})) };
    return this.kept;
  }

  private async change(key: string, load: Load | undefined): Promise<void> {
    const { name, loads } = await this.read();
    const before = loads.get(key);
    const set = (value: Load | undefined): unknown => (value ? loads.set(key, value) : loads.delete(key));
    set(load);
    this.prune(loads);
    try {
      await this.store.write(name, { loads: Object.fromEntries(loads) });
    } catch (error) {
      set(before);
      throw unavailable("written", error);
    }
  }

  private prune(loads: Map<string, Load>): void {
    for (const [key, load] of loads) if (Date.now() - load.at >= KEPT) loads.delete(key);
    let over = loads.size - MOST;
    for (const [key, load] of loads) {
      if (over <= 0) break;
      if (!load.done) continue;
      loads.delete(key);
      over -= 1;
    }
  }
}

function unavailable(what: string, error: unknown): ConnectorError {
  return new ConnectorError("STORE_UNAVAILABLE", `What is remembered of bulk jobs cannot be ${what}: ${errorText(error)}`, { cause: error });
}

/** A name for content that no other content has. */
export function contentKey(...parts: (string | Buffer | number | undefined)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(part === undefined ? "" : String(part));
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex").slice(0, 32);
}
