import { counted } from "../../common/counted";
import { ConnectorError, toConnectorError } from "../../common/errors";
import type { ItemResult } from "../../delivery/sink/sink";
import { isDuplicateKey } from "../client/duplicate-key";
import { hasWaited } from "../client/errors";

/**
 * Stops a node whose messages all fail with the same error. A wrong statement, a missing column or a table that is locked for long is an error of each single
 * message, and would drain a queue into its dead letters. So after `limit` equal errors in a row that are not known to pass, or came after a long wait, further messages are
 * held, as if the database were away, and one of them is tried now and then. When that one succeeds, or fails with another error, all go on. When it fails with the same
 * error, it gets that error, unless it has waited for a lock: so a long run of messages that are themselves wrong comes to an end, and a wrong statement costs a queue
 * only two messages a minute.
 *
 * A duplicate, refused by its key or known by its id in the inbox, neither counts as an error nor ends a series of them: after a crash a broker sends again what
 * was stored, which is no fault.
 */
export class RepeatedError<Item, Result> {
  private last = "";
  /** Items that failed in a row with the same error. An item that is tried again counts once, since the fault may be its own. */
  private readonly failed = new Set<Item>();
  private stopped: ConnectorError | undefined;
  private probing = false;
  private probes = 0;
  /** When the next item may be tried at the earliest, by `performance.now()`. */
  private nextProbe = -Infinity;

  /**
   * @param limit messages in a row; 0 never stops
   * @param store stores items: one result each
   * @param tells whether a result shows that others may succeed, too; not so if nothing was done for it. Default: each does
   * @param rest ms at least between two items that are tried while the node is stopped
   */
  constructor(
    private readonly limit: number,
    private readonly store: (items: Item[]) => Promise<ItemResult<Result>[]>,
    private readonly tells: (result: Result) => boolean = () => true,
    private readonly rest = 0,
  ) {}

  /** Why items are held at present; `undefined` when they are not. */
  get reason(): ConnectorError | undefined {
    return this.stopped;
  }

  /** Stores items, or holds them. @throws what `store` says of a database that is away */
  async write(items: Item[]): Promise<ItemResult<Result>[]> {
    if (!this.stopped) return this.count(items, await this.attempt(items));
    if (this.probing || performance.now() < this.nextProbe) return items.map(() => held(this.stopped));
    this.probing = true;
    try {
      return await this.probe(items, this.stopped);
    } finally {
      this.probing = false;
    }
  }

  /**
   * Tries one item, the first and the last in turn, since neighbours may be wrong for the same reason. After waits for a lock, where the tried item is kept, it
   * takes the next one each time.
   */
  private async probe(items: Item[], stopped: ConnectorError): Promise<ItemResult<Result>[]> {
    const results = new Array<ItemResult<Result> | undefined>(items.length);
    let error = stopped;
    const turn = hasWaited(stopped) ? Math.floor(this.probes / 2) % items.length : 0;
    const first = this.probes % 2 === 0 ? turn : items.length - 1 - turn;
    this.probes += 1;
    for (let tried = 0; tried < items.length; tried += 1) {
      const place = (first + tried) % items.length;
      const [result = held(stopped)] = await this.attempt([items[place] as Item]);
      if (result.ok && !this.tells(result.value)) {
        results[place] = result;
        continue;
      }
      if (!result.ok && (result.error.scope === "system" || signature(result.error) === this.last)) {
        if (result.error.scope === "system") error = result.error;
        else if (!hasWaited(stopped)) {
          results[place] = result;
          this.nextProbe = performance.now() + this.rest;
        }
        break;
      }
      this.stopped = undefined;
      this.failed.clear();
      this.count([items[place] as Item], [result]);
      results[place] = result;
      const others = items.filter((_other, index) => !results[index]);
      const rest = hasWaited(stopped) ? await this.growing(others, stopped) : await this.others(others);
      return items.map((_each, index) => results[index] ?? rest.shift() ?? held(stopped));
    }
    return items.map((_each, index) => results[index] ?? held(error));
  }

  /** Stores the items after a try that succeeded. An error of theirs is not thrown, so that the result of that try is not lost. */
  private async others(items: Item[]): Promise<ItemResult<Result>[]> {
    if (items.length === 0) return [];
    try {
      return this.count(items, await this.attempt(items));
    } catch (thrown) {
      const error = toConnectorError(thrown);
      return items.map(() => held(error));
    }
  }

  /** Stores items. A thrown error of scope `message` becomes the result of each. @throws ConnectorError of scope `system` */
  private async attempt(items: Item[]): Promise<ItemResult<Result>[]> {
    try {
      return await this.store(items);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.scope === "system") throw error;
      return items.map(() => ({ ok: false, error }));
    }
  }

  /**
   * Stores items in portions of growing size, since one locked row makes a whole batch wait. When a portion has waited in vain, its items and those after it are held for
   * the next try. An item that has waited in vain alone, while others succeed, gets its error.
   */
  private async growing(items: Item[], stopped: ConnectorError): Promise<ItemResult<Result>[]> {
    const results: ItemResult<Result>[] = [];
    for (let size = 1; results.length < items.length && !this.stopped; size *= 2) {
      const portion = items.slice(results.length, results.length + size);
      const stored = await this.others(portion);
      const inVain = portion.length > 1 && stored.every((result) => !result.ok && hasWaited(result.error));
      if (!inVain) results.push(...stored);
      if (inVain || stored.some((result) => !result.ok && result.error.scope === "system")) break;
    }
    if (results.length === items.length) return results;
    this.stopped = stopped;
    return items.map((_each, index) => results[index] ?? held(stopped));
  }

  private count(items: Item[], results: ItemResult<Result>[]): ItemResult<Result>[] {
    if (this.limit === 0) return results;
    if (results.some((result) => result.ok && this.tells(result.value))) {
      this.failed.clear();
      return results;
    }
    return results.map((result, index) => {
      const sign = result.ok ? undefined : signature(result.error);
      if (result.ok || sign === undefined) return result;
      if (this.stopped) return sign === this.last ? held(this.stopped) : result;
      if (sign !== this.last) this.failed.clear();
      this.last = sign;
      this.failed.add(items[index] as Item);
      if (this.failed.size >= this.limit) this.stopped = stop(result.error, this.limit);
      return result;
    });
  }
}

/** Whether an error says that its node has stopped. */
export function isStop(error: ConnectorError): boolean {
  return error.details["repeated"] !== undefined;
}

/**
 * A text that is the same for equal errors; `undefined` for errors that pass by themselves at once, or tell nothing about the next message. A refusal that nobody knows is
 * tried again, since it may pass, and counts all the same: of a view that takes no rows, MariaDB says no more (HY000).
 */
function signature(error: ConnectorError): string | undefined {
  const { code, scope, retryable, details } = error;
  const large = code === "PAYLOAD_TOO_LARGE" && details["maxRows"] === undefined; // rows beyond the limit are the statement's doing
  const passes = retryable && code !== "ROW_REFUSED" && !hasWaited(error);
  if (scope !== "message" || passes || large || isDuplicateKey(error)) return undefined;
  return JSON.stringify([code, ...["state", "native", "table", "column", "statement", "name"].map((name) => details[name] ?? null)]);
}

function stop({ code, message, details }: ConnectorError, limit: number): ConnectorError {
  return new ConnectorError(code, `${counted(limit, "message")} in a row failed alike: ${message}`, { scope: "system", retryable: true, details: { ...details, repeated: limit } });
}

function held(error: ConnectorError | undefined): { ok: false; error: ConnectorError } {
  return { ok: false, error: error ?? new ConnectorError("DATABASE_UNAVAILABLE", "Another message is being tried") };
}
