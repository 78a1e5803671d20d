import type { ConnectorError } from "../../common/errors";
import type { Errand } from "./errand";
import { Patience } from "../patience";
import { waitedTooLong } from "../outcome";

/** A trigger of any node. */
type AnyErrand = Pick<Errand<unknown>, "claim" | "close">;

/** What {@link SystemWait} needs. */
export interface SystemWaitOptions<E extends AnyErrand> {
  /** Resolves, or rejects, when it is worth trying again. */
  untilReady(error: ConnectorError): Promise<void>;
  /** How many ms a trigger that belongs to no delivery waits at most. */
  patience: number;
  /** The wait has begun or ended. */
  onChange(): void;
  /** A trigger has waited as long as it may, and fails. */
  onOver(errand: E): void;
}

/** The wait of triggers for a system that is away. Triggers of deliveries wait for ever, since their sources pause; others for {@link SystemWaitOptions.patience}. */
export class SystemWait<E extends AnyErrand> {
  private readonly patience: Patience<E>;
  /** Triggers that wait for a limited time. */
  private readonly waiting = new Set<E>();
  private reason: ConnectorError | undefined;
  private end: (() => void) | undefined;

  constructor(private readonly options: SystemWaitOptions<E>) {
    this.patience = new Patience({ limit: options.patience, busy: () => false, onOver: (errands) => this.giveUp(errands) });
  }

  /** Why triggers wait; `undefined` when none does. */
  get error(): ConnectorError | undefined {
    return this.reason;
  }

  /** Another trigger has come. If there is a wait, it waits, too. */
  include(errand: E): void {
    if (!this.reason || errand.claim) return;
    this.waiting.add(errand);
    this.patience.add(errand);
  }

  /** A trigger is done. */
  forget(errand: E): void {
    this.waiting.delete(errand);
    this.patience.delete(errand);
  }

  /** Makes triggers wait. Resolves when it is worth trying again, when a trigger has waited too long, or when this is closed. */
  async until(error: ConnectorError, errands: Iterable<E>): Promise<void> {
    this.reason = error;
    for (const errand of errands) this.include(errand);
    this.options.onChange();
    await Promise.race([this.options.untilReady(error).catch(() => undefined), new Promise<void>((resolve) => (this.end = resolve))]);
    this.reason = this.end = undefined;
    for (const errand of [...this.waiting]) this.forget(errand); // also those that came meanwhile
    this.options.onChange();
  }

  close(): void {
    this.patience.close();
    this.end?.();
  }

  private giveUp(errands: E[]): void {
    for (const errand of errands) {
      this.options.onOver(errand);
      errand.close(waitedTooLong(this.reason, this.options.patience));
    }
    this.end?.(); // the trigger that is being served may be among them
  }
}
