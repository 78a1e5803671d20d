import { createHash } from "node:crypto";
import { ConnectorError, errorText } from "../../../common/errors";
import type { Store } from "../../../common/store";
import { orgPlace } from "../org-place";
import type { Session } from "../sign-in/login";

/** What is kept of one load, that is, of rows that are loaded together. */
export interface Load {
  /** When it began, in ms since the epoch. */
  at: number;
  /** Ids of its jobs, in order. Each job after the first got the rows that the ones before had not loaded. */
  jobs: string[];
  /** Set when the failed rows were reported. If the rows come again, the failed ones are to be tried again. */
  told?: true;
  /** Set when all rows are in the org, and the message was sent on. */
  done?: true;
  /** Set when the rows were too large for one upload. Each half of them is then a load of its own. */
  parted?: true;
  /** When each row came with a message of its own: a hash of each row. */
  rows?: string[];
}

/** How long the org keeps a job, in ms. */
const KEPT = 7 * 24 * 3_600_000;
/** How many loads are remembered for one node. When there are more, the oldest that are done are dropped. */
const MOST = 1_000;

/**
 * Remembers which jobs a node has given its rows to. When the same rows come again, after a restart or a timeout, their job is taken up and they are not
 * loaded twice. One small value in the store for each node; expired loads are dropped whenever it is written.
 */
export class JobBook {
  private kept: { name: string; loads: Map<string, Load> } | undefined;

  /** @param name of the node's value in the store. It differs for each org, as rows loaded into one org are not in another */
  constructor(
    private readonly store: Store,
    private readonly name: string | (() => Promise<string>),
  ) {}

  /** The book of a node, for the org that it is signed in to. @param node id of the node */
  static of(node: string, store: Store, org: { openSession(): Promise<Session> }): JobBook {
    return new JobBook(store, async () => `salesforce-bulk/${orgPlace(await org.openSession())}/${node}`);
  }

  /** What is kept of a load. @throws ConnectorError `STORE_UNAVAILABLE`, as all these methods do, or the login's error when the org's name cannot be had */
  async find(key: string): Promise<Load | undefined> {
    const load = (await this.read()).loads.get(key);
    return load && Date.now() - load.at < KEPT ? load : undefined;
  }

  /** All loads that are not done, with their keys. */
  async open(): Promise<[string, Load][]> {
    return [...(await this.read()).loads].filter(([, load]) => !load.done && Date.now() - load.at < KEPT);
  }

  /** Stores a load. Resolves when it is written; if it rejects, what was kept before stays. */
  async put(key: string, load: Load): Promise<void> {
    await this.change(key, load);
  }

  /** Forgets a load. If that cannot be written, it rejects, and the load stays. */
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

/** A key for content: a hash, which differs for other content. */
export function contentKey(...parts: (string | Buffer | number | undefined)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(part === undefined ? "" : String(part));
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex").slice(0, 32);
}
