import { createHash } from "node:crypto";
import { BackOff } from "../../common/back-off";
import { within } from "../../common/deadline";
import { type ConnectorError, needsAHand, toConnectorError } from "../../common/errors";
import { eachOnce, oncePerTurn } from "../../common/once";
import { Sleepers } from "../../common/sleep";
import { TroubleLog } from "../../common/trouble-log";
import { DeadLetters } from "../../delivery/reading/dead-letters";
import { flowTracker } from "../../delivery/tracker/flow-tracker";
import type { NodeName } from "../../delivery/outcome";
import type { ReadState } from "../../delivery/reading/read-state";
import { Room } from "../../delivery/reading/room";
import { RowDeliveries, type Parcel, type RowPoison } from "../../delivery/reading/row-deliveries";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { DatabaseClient } from "../client/database-client";
import type { QueryParameters } from "../client/named-values";
import type { DialectName } from "../client/protocol";
import { rowMessage, rowsMessage } from "./messages";
import type { Handover, PollContext, PollWay } from "./poll-context";
import { isAway, type ReadingDatabase } from "./reading-database";
import type { PollSettings } from "./settings";

/** Why nothing is read at present: the output is not wired, a sink waits for its system, or there are dead letters and their output is not wired. */
export type PauseReason = "unwired" | "held" | "dead-letters";

/** The part of a database's client that polling uses. */
export type PollDatabase = ReadingDatabase & Pick<DatabaseClient, "ping">;

/** What a {@link Poller} needs. */
export interface PollerOptions {
  settings: PollSettings;
  parameters: QueryParameters;
  database: PollDatabase;
  node: NodeName;
  runtime: TrackedRuntime;
  /** How new rows are found. */
  way(context: PollContext): PollWay;
  /** Puts out a message. @param output from 0 */
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  warn(text: string): void;
  error(text: string): void;
  onState(state: PollState): void;
  /** Where marks of rows that end the process are kept. Absent: no watch for such rows. */
  poison?: RowPoison | undefined;
  /** The wait between two tries of a query that fails. Default: 2 to 60 s. */
  backOff?: BackOff;
}

/** What a poller is doing, for its node's status. */
export type PollState = ReadState | { kind: "unwired" } | { kind: "stuck"; count: number };

/** Polls at an interval and hands the rows to the flow, no faster than the flow settles them. */
export class Poller {
  private readonly room: Room;
  private readonly deliveries: RowDeliveries;
  private readonly deadLetters: DeadLetters;
  private readonly way: PollWay;
  private readonly backOff: BackOff;
  /** The reasons why it pauses, each with its text for the status. */
  private readonly pauses = new Map<PauseReason, string>();
  private readonly warnOnce: (text: string) => void;
  private running: Promise<void> | undefined;
  private reading = false;
  /** Why rows wait before they are handed to the flow. */
  private search: string | undefined;
  /** What is wrong with the last poll. */
  private trouble: ConnectorError | undefined;
  private asideTrouble: ConnectorError | undefined;
  private readonly log: TroubleLog;
  private readonly asideLog: TroubleLog;
  private dialect: DialectName | undefined;
  /** Ends the rest between two polls. */
  private wake: (() => void) | undefined;
  /** Ends waits that only closing ends. */
  private readonly sleeps = new Sleepers();
  private readonly tellSoon = oncePerTurn(() => this.tell());
  private closed = false;

  constructor(private readonly options: PollerOptions) {
    const { settings, node, runtime } = options;
    this.warnOnce = eachOnce((text) => options.warn(text));
    this.backOff = options.backOff ?? new BackOff({ initial: 2_000 });
    this.log = new TroubleLog(options);
    this.asideLog = new TroubleLog(options);
    this.room = new Room(settings.maxInFlight);
    this.deliveries = new RowDeliveries({
      settings,
      node,
      runtime,
      room: this.room,
      send: options.send,
      isWired: options.isWired,
      onHold: (reason) => this.pause("held", reason),
      onResume: () => this.resume("held"),
      onSearch: (reason) => {
        this.search = reason;
        this.tell();
      },
      warn: options.warn,
      poison: options.poison,
    });
    const output = settings.emptyOutput ? 2 : 1;
    this.deadLetters = new DeadLetters({
      room: this.room,
      deliveries: () => this.deliveries,
      output,
      isWired: () => options.isWired(output),
      onStuck: (stuck) => (stuck ? this.pause("dead-letters") : this.resume("dead-letters")),
      delay: settings.retryMaxDelay,
      warn: this.warnOnce,
    });
    this.way = options.way(this.context());
  }

  /** Begins to poll, as soon as there is no reason to pause. */
  start(): void {
    this.running ??= flowTracker.outside(() => this.run());
  }

  /** Reads nothing until this reason is gone. @param told text for the status */
  pause(reason: PauseReason, told = ""): void {
    this.pauses.set(reason, told);
    this.tell();
  }

  /** The reason is gone. It reads again when no other is left. */
  resume(reason: PauseReason): void {
    this.pauses.delete(reason);
    this.wakeUp();
    this.tell();
  }

  /** To be called when wires may have changed. */
  rewired(): void {
    if (this.options.isWired(0)) this.resume("unwired");
    else this.pause("unwired");
    this.deadLetters.look();
  }

  /** Told of trouble with work beside the polls (the statement after each row); `undefined` when it is over. */
  besides(error: ConnectorError | undefined): void {
    if (this.asideTrouble === error) return;
    this.asideLog.told(error && isAway(error) ? undefined : error);
    this.asideTrouble = error;
    this.tell();
  }

  /** Reads no more, lets the flow finish for up to `drain` ms, and leaves the rest to be read again. */
  async close(drain = 8_000): Promise<void> {
    const end = performance.now() + drain;
    this.closed = true;
    this.wakeUp();
    this.sleeps.end();
    this.room.close();
    this.deadLetters.close();
    await this.deliveries.close(end);
    await Promise.all([this.way.close(Math.max(end, performance.now() + 1_000)), this.deliveries.end()]);
    if (this.running) await within(this.running, Math.max(1_000, end - performance.now())); // a query may take longer than that
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      if (this.pauses.size > 0) {
        await this.rest();
        continue;
      }
      const began = performance.now(); // a clock that nobody sets
      const more = await this.poll();
      if (!more) await this.rest(Math.max(0, this.options.settings.pollInterval - (performance.now() - began)));
    }
  }

  /** @returns whether to go on at once */
  private async poll(): Promise<boolean> {
    try {
      await this.deliveries.begin();
      const { rows, more, trouble } = await this.way.poll();
      this.trouble = trouble;
      this.log.told(trouble);
      this.backOff.reset();
      if (rows === 0 && !more && !trouble && this.options.settings.emptyOutput && !this.closed) this.options.send(1, { payload: [] });
      return more;
    } catch (thrown) {
      await this.failed(toConnectorError(thrown));
      return true;
    } finally {
      this.reading = false;
      this.tell();
    }
  }

  private async failed(error: ConnectorError): Promise<void> {
    if (this.closed) return;
    const away = isAway(error);
    this.log.told(away ? undefined : error); // when the database is away, its config node logs it
    this.trouble = error;
    this.tell();
    if (away) await Promise.race([this.options.database.untilReady().catch(() => undefined), this.rest()]);
    else await this.rest(this.backOff.next());
  }

  private context(): PollContext {
    const { settings, database, parameters } = this.options;
    const closed = (): boolean => this.closed;
    return {
      settings,
      database,
      room: this.room,
      dialect: async () => (this.dialect ??= (await database.ping()).dialect),
      values: () => parameters.for({}),
      paused: () => this.pauses.size > 0,
      hand: (rows) => this.hand(rows),
      warn: this.warnOnce,
      sleep: (ms) => this.sleeps.sleep(ms),
      get closed() {
        return closed();
      },
    };
  }

  private hand({ columns, rows, watermark, fingerprint, finished }: Handover): void {
    const { output } = this.options.settings;
    const message = (): object => {
      const { payload, sql } = output === "row" ? rowMessage(columns, rows[0] ?? []) : rowsMessage(columns, rows);
      return { payload, sql: watermark === undefined ? sql : { ...sql, watermark } };
    };
    const parcel: Parcel = {
      size: rows.length,
      output: 0,
      message,
      ...(fingerprint ? { fingerprint: () => digest(fingerprint()) } : {}),
      accepted: () => {
        finished();
        this.tellSoon();
      },
      failed: (failure) => this.deadLetters.add({ message, size: rows.length, failure, finished }),
      released: () => undefined, // it is read again after the restart
    };
    this.deliveries.hand(parcel);
    this.reading = true;
    this.tellSoon();
  }

  /** Resolves after `ms` (default: never), or when a reason to pause is gone or this closes. */
  private rest(ms?: number): Promise<void> {
    if (this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.wakeUp(), ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private wakeUp(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }

  private tell(): void {
    const { onState } = this.options;
    const trouble = this.trouble ?? this.asideTrouble;
    const held = this.pauses.get("held") ?? this.search;
    if (this.pauses.has("unwired")) onState({ kind: "unwired" });
    else if (this.pauses.has("dead-letters")) onState({ kind: "stuck", count: this.deadLetters.waiting });
    else if (trouble) onState({ kind: needsAHand(trouble) ? "failed" : "waiting", error: trouble });
    else if (held !== undefined) onState({ kind: "holding", reason: held });
    else onState({ kind: this.reading ? "reading" : "idle", inFlow: this.room.taken });
  }
}

/** A hash: short for any number of rows, and marks then keep no contents of rows. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
