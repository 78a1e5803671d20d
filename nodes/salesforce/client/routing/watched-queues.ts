import { ConnectorError, isConnectorError } from "../../../common/errors";
import { SelectIn, valueIn } from "../cases/select-in";
import { QueryClient } from "../query/query-client";
import type { RestClient } from "../rest";

/** A row of the routes, in a node or in the org. */
export interface QueueRoute {
  /** Name of the Salesforce queue; letters' case counts. */
  queue: string;
  workgroup: string;
}

/** Where routes come from. */
export type RouteSource =
  | { from: "node"; routes: readonly QueueRoute[] }
  /** The records of an object; API names. */
  | { from: "object"; object: string; queueField: string; workgroupField: string };

/** What {@link WatchedQueues} needs. Times in ms. */
export interface WatchedQueuesOptions {
  rest: RestClient;
  source: RouteSource;
  /** How long what was found is used. */
  refresh: number;
  /** Where the ids of the queues are kept, with the names that they were found by. */
  ids: { read(): Promise<unknown>; write(value: Record<string, string>): Promise<void> };
  /** Tells of queues that the org does not have, once. */
  warn: (text: string) => void;
  /** One is watched that was not before: cases may lie there that nobody has looked at. */
  onAdded: () => void;
}

/** Routes that an object can hold: more than any contact centre has queues. */
const MOST_ROUTES = 10_000;

/** ms between two looks for what the org does not have: each is a call of the day's, and who looks after cases asks every few seconds. */
const MISSING = 60_000;

/** The queues that are watched, by id, and the work groups that serve them. Without any there is nothing to decide by. */
export class WatchedQueues {
  private known: ReadonlyMap<string, QueueRoute> | undefined;
  /** Why there are none at present. */
  private none: ConnectorError | undefined;
  /** By the clock that nobody sets. */
  private staleAt = 0;
  private asking: Promise<ReadonlyMap<string, QueueRoute>> | undefined;
  private missing = "";
  private readonly select: SelectIn;

  constructor(private readonly options: WatchedQueuesOptions) {
    this.select = new SelectIn(options.rest);
  }

  /** The routes by the id of their queue, as fresh as `refresh` says. @throws ConnectorError while the org is away, or has none of them */
  byId(): Promise<ReadonlyMap<string, QueueRoute>> {
    if (performance.now() < this.staleAt) {
      if (this.none) return Promise.reject(this.none);
      if (this.known) return Promise.resolve(this.known);
    }
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<ReadonlyMap<string, QueueRoute>> {
    const { refresh, onAdded } = this.options;
    this.none = undefined;
    const found = await this.look().catch((error: unknown) => {
      if (isConnectorError(error) && error.code === "ORG_OBJECT_UNKNOWN") {
        this.none = error;
        this.staleAt = performance.now() + Math.min(refresh, MISSING);
      }
      throw error;
    });
    const before = this.known;
    this.known = found;
    this.staleAt = performance.now() + refresh;
    if (before && [...found.keys()].some((id) => !before.has(id))) onAdded();
    return found;
  }

  private async look(): Promise<Map<string, QueueRoute>> {
    const routes = await this.routes();
    const rows = await this.select.rows({ object: "Group", fields: ["Id", "Name"], field: "Name", values: [...routes.keys()], where: "Type = 'Queue'" });
    const found = new Map<string, QueueRoute>();
    for (const row of rows) {
      // The org compares without regard to case.
      const route = routes.get(String(row["Name"]));
      if (route) found.set(String(row["Id"]), route);
    }
    const isFound = found.size > 0;
    const missing = missingOf(routes, found);
    await this.keepRenamed(routes, missing, found);
    // in none of them a case could be: each would count as one that nobody watches
    if (!isFound && !(await this.areThere([...found.keys()]))) throw new ConnectorError("ORG_OBJECT_UNKNOWN", routes.size === 0 ? "There is no route: no queue would be watched" : `The org has none of the queues that are to be watched, or this user sees none: ${[...routes.keys()].join(", ")}`);
    this.tellMissing(missing, found);
    return found;
  }

  private async routes(): Promise<Map<string, QueueRoute>> {
    const { source, rest } = this.options;
    if (source.from === "node") return byName(source.routes);
    const { object, queueField, workgroupField } = source;
    const pages = await new QueryClient(rest, rest.version)
      .open({ language: "soql", text: `SELECT ${queueField}, ${workgroupField} FROM ${object} LIMIT ${MOST_ROUTES}` })
      .catch((error: unknown) => {
        throw asSetting(error, object);
      });
    const routes: QueueRoute[] = [];
    for (let page = await pages.next(); page; page = await pages.next()) {
      for (const row of page) routes.push({ queue: textOf(valueIn(row, queueField)), workgroup: textOf(valueIn(row, workgroupField)) });
    }
    return byName(routes);
  }

  /** One that was renamed still has its cases: they are not to be ended because a route has its old name. */
  private async keepRenamed(routes: ReadonlyMap<string, QueueRoute>, missing: readonly string[], found: Map<string, QueueRoute>): Promise<void> {
    const { ids } = this.options;
    const before = ((await ids.read()) ?? {}) as Record<string, string>;
    for (const [id, queue] of Object.entries(before)) {
      const route = missing.includes(queue) ? routes.get(queue) : undefined;
      if (route && !found.has(id)) found.set(id, route);
    }
    const now = Object.fromEntries([...found].map(([id, { queue }]) => [id, queue]));
    const isSame = Object.keys(before).length === found.size && Object.entries(now).every(([id, queue]) => before[id] === queue);
    if (!isSame) await ids.write(now);
  }

  /** Whether they have only other names now, and are not hidden from this user, as their cases would be, too. */
  private async areThere(ids: readonly string[]): Promise<boolean> {
    return ids.length > 0 && (await this.select.rows({ object: "Group", fields: ["Id"], field: "Id", values: ids })).length > 0;
  }

  private tellMissing(missing: readonly string[], found: ReadonlyMap<string, QueueRoute>): void {
    const kept = new Set([...found.values()].map(({ queue }) => queue));
    const text = missing.map((queue) => (kept.has(queue) ? `${queue} (the one that was called so is watched until the routes name another)` : queue)).join(", ");
    if (text !== this.missing && text !== "") this.options.warn(`The org has no queue of this name, letter by letter: ${text}`);
    this.missing = text;
  }
}

/** Names that no queue was found by. */
function missingOf(routes: ReadonlyMap<string, QueueRoute>, found: ReadonlyMap<string, QueueRoute>): string[] {
  const there = new Set([...found.values()].map(({ queue }) => queue));
  return [...routes.keys()].filter((queue) => !there.has(queue));
}

function byName(routes: readonly QueueRoute[]): Map<string, QueueRoute> {
  return new Map(routes.filter(({ queue, workgroup }) => queue !== "" && workgroup !== "").map((route) => [route.queue, route]));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}

/** The object is given in the node's form: what is wrong with it is wrong for every message. */
function asSetting(error: unknown, object: string): unknown {
  if (!(error instanceof ConnectorError) || error.scope === "system") return error;
  return new ConnectorError("ORG_OBJECT_UNKNOWN", `The routes cannot be read from ${object}: ${error.message}`, { details: error.details, cause: error });
}
