import { ConnectorError, type ErrorCode } from "../../common/errors";
import { Patience } from "../../delivery/patience";
import type { DatabaseClient } from "../client/database-client";
import type { ReadErrand } from "./read-errand";
import { stopped } from "./row-deliveries";

/** The database is away or refuses us: nothing is wrong with the query. */
export const AWAY: ReadonlySet<ErrorCode> = new Set(["DATABASE_UNAVAILABLE", "DATABASE_REFUSED", "DRIVER_MISSING"] as const);

/** What {@link DatabaseWait} needs. */
export interface DatabaseWaitOptions {
  database: Pick<DatabaseClient, "untilReady">;
  /** ms that a trigger of no delivery waits at most. */
  patience: number;
  /** The wait has begun or ended. */
  onChange(): void;
  /** This trigger has failed: it has waited as long as it may. */
  onOver(errand: ReadErrand): void;
}

/** The wait of triggers for a database that is away: those of deliveries without end, for their sources pause; the others for so long. */
export class DatabaseWait {
  private readonly patience: Patience<ReadErrand>;
  /** Those whose patience runs. */
  private readonly waiting = new Set<ReadErrand>();
  private reason: ConnectorError | undefined;
  private end: (() => void) | undefined;

  constructor(private readonly options: DatabaseWaitOptions) {
    this.patience = new Patience({ limit: options.patience, busy: () => false, onOver: (errands) => this.giveUp(errands) });
  }

  /** Why there is a wait; `undefined` when there is none. */
  get error(): ConnectorError | undefined {
    return this.reason;
  }

  /** Another trigger came. */
  include(errand: ReadErrand): void {
    if (!this.reason || errand.claim) return;
    this.waiting.add(errand);
    this.patience.add(errand);
  }

  /** A trigger is done. */
  forget(errand: ReadErrand): void {
    this.waiting.delete(errand);
    this.patience.delete(errand);
  }

  /** Resolves when the database answers again, one of these triggers has waited too long, or all is closed. */
  async until(error: ConnectorError, errands: Iterable<ReadErrand>): Promise<void> {
    this.reason = error;
    for (const errand of errands) this.include(errand);
    this.options.onChange();
    await Promise.race([this.options.database.untilReady().catch(() => undefined), new Promise<void>((resolve) => (this.end = resolve))]);
    this.reason = this.end = undefined;
    for (const errand of [...this.waiting]) this.forget(errand); // also those that came meanwhile
    this.options.onChange();
  }

  close(): void {
    this.patience.close();
    this.end?.();
  }

  private giveUp(errands: ReadErrand[]): void {
    const { code, message } = this.reason ?? stopped();
    for (const errand of errands) {
      this.options.onOver(errand);
      errand.close(new ConnectorError(code, `${message}; the message has waited ${this.options.patience} ms`, { cause: this.reason }));
    }
    this.end?.(); // the one whose turn it is may be among them
  }
}
