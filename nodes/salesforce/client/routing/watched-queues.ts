import { ConnectorError, isConnectorError } from "../../../common/errors";
import { SelectIn } from "../query/select-in";
import { QueryClient } from "../query/query-client";
import { valueIn } from "../records/collections";
import type { RestClient } from "../rest";

/** A route: which work group serves a queue. */
export interface QueueRoute {
  /** Name of the Salesforce queue, case-sensitive. */
  queue: string;
  workgroup: string;
}

/** Where the routes come from: the node's settings, or the org. */
export type RouteSource =
  | { from: "node"; routes: readonly QueueRoute[] }
  /** The records of an object. All three are API names. */
  | { from: "object"; object: string; queueField: string; workgroupField: string };

/** What {@link WatchedQueues} needs. Times in ms. */
export interface WatchedQueuesOptions {
  rest: RestClient;
  source: RouteSource;
  /** How long the queues that were found are used before the org is asked again. */
  refresh: number;
  /** Stores the ids of the queues, each with the name by which it was found. */
  ids: { read(): Promise<unknown>; write(value: Record<string, string>): Promise<void> };
  /** Warns of queues that the org does not have, once for the same queues. */
  warn: (text: string) => void;
  /** Told when another queue is watched than before: there may be cases in it that were not looked at. */
  onAdded: () => void;
}

/** How many routes are read from an object at most: more than any contact centre has queues. */
const MOST_ROUTES = 10_000;

/** ms between two tries when the org has none of the queues. Each try is an API call of the day's limit, and the queues are asked for every few seconds. */
const MISSING = 60_000;

/** The watched queues, by id, and the work groups that serve them. It is an error when there is none, as nothing could be decided then. */
export class WatchedQueues {
  private known: ReadonlyMap<string, QueueRoute> | undefined;
  /** Why there is no watched queue at present. */
  private none: ConnectorError | undefined;
  /** When the org is to be asked again, by `performance.now()`. */
  private staleAt = 0;
  private asking: Promise<ReadonlyMap<string, QueueRoute>> | undefined;
  private missing = "";
  private readonly select: SelectIn;

  constructor(private readonly options: WatchedQueuesOptions) {
    this.select = new SelectIn(options.rest);
  }

  /** The routes by the id of their queue, no older than `refresh`. @throws ConnectorError while the org is away, or has none of the queues */
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
      // SOQL ignores case when it compares; the map does not
      const route = routes.get(String(row["Name"]));
      if (route) found.set(String(row["Id"]), route);
    }
    const isFound = found.size > 0;
    const missing = missingOf(routes, found);
    await this.keepRenamed(routes, missing, found);
    // an error, as otherwise every case would count as one of an unwatched queue
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

  /** Goes on watching a queue that was renamed while its route still has the old name, so that the interactions of its cases are not ended. */
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

  /** Whether the org has any of these queues, under new names. If not, they are hidden from this user, and so would be their cases. */
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

/** The names in the routes by which no queue was found. */
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

/** Makes an error about the object with the routes one of the node's settings, which fails every message: the object is named in the node's form. */
function asSetting(error: unknown, object: string): unknown {
  if (!(error instanceof ConnectorError) || error.scope === "system") return error;
  return new ConnectorError("ORG_OBJECT_UNKNOWN", `The routes cannot be read from ${object}: ${error.message}`, { details: error.details, cause: error });
}
