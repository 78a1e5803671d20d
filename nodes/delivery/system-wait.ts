import type { ConnectorError } from "../common/errors";
import type { Errand } from "./errand";
import { Patience } from "./patience";
import { waitedTooLong } from "./outcome";

/** A trigger, whatever is taken for it. */
type AnyErrand = Pick<Errand<unknown>, "claim" | "close">;

/** What {@link SystemWait} needs. */
export interface SystemWaitOptions<E extends AnyErrand> {
  /** Resolves when it is worth trying again; may reject for the same. */
  untilReady(error: ConnectorError): Promise<void>;
  /** ms that a trigger of no delivery waits at most. */
  patience: number;
  /** The wait has begun or ended. */
  onChange(): void;
  /** This trigger has failed: it has waited as long as it may. */
  onOver(errand: E): void;
}

/** The wait of triggers for a system that is away: those of deliveries without end, for their sources pause; the others for so long. */
export class SystemWait<E extends AnyErrand> {
  private readonly patience: Patience<E>;
  /** Those whose patience runs. */
  private readonly waiting = new Set<E>();
  private reason: ConnectorError | undefined;
  private end: (() => void) | undefined;

  constructor(private readonly options: SystemWaitOptions<E>) {
    this.patience = new Patience({ limit: options.patience, busy: () => false, onOver: (errands) => this.giveUp(errands) });
  }

  /** Why there is a wait; `undefined` when there is none. */
  get error(): ConnectorError | undefined {
    return this.reason;
  }

  /** Another trigger came. */
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

  /** Resolves when the system answers again, one of these triggers has waited too long, or all is closed. */
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
    this.end?.(); // the one whose turn it is may be among them
  }
}
