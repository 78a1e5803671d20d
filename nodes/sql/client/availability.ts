import { BackOff } from "../../common/back-off";
import { type ConnectorError, isConnectorError, needsAHand } from "../../common/errors";
import { Sleepers } from "../../common/sleep";

/** The state of the database. `failed`: a user must fix something (password, driver). `waiting`: the fault passes by itself. */
export interface DatabaseState {
  kind: "idle" | "connected" | "waiting" | "failed";
  error?: ConnectorError;
}

/** Keeps track of whether the database answers, and reports it to the listeners. While it does not, pings it again and again, once for all callers that wait for it. */
export class Availability {
  private readonly listeners = new Set<(state: DatabaseState) => void>();
  private readonly backOff = new BackOff({ initial: 500, max: 15_000 });
  private state: DatabaseState = { kind: "idle" };
  /** The last refused login. `until`: the time, by `performance.now()`, from which the next login may be tried. */
  private refusal: { error: ConnectorError; until: number } | undefined;
  private knocking: Promise<void> | undefined;
  private readonly waits = new Sleepers();
  private closed = false;

  /**
   * @param ping rejects with a `ConnectorError` while the database does not answer
   * @param timing `afterRefusal`: ms between two tries after a refused login, since frequent ones with a wrong password would lock the account
   */
  constructor(
    private readonly ping: () => Promise<unknown>,
    private readonly timing = { afterRefusal: 60_000 },
  ) {}

  /** The last refused login, while it is too early for the next one. No request is sent to the database meanwhile. */
  get refused(): ConnectorError | undefined {
    return this.refusal && performance.now() < this.refusal.until ? this.refusal.error : undefined;
  }

  /** Calls the listener with the current state at once, and with each change of it until the returned function is called. */
  onState(listener: (state: DatabaseState) => void): () => void {
    this.listeners.add(listener);
    listener(this.state);
    return () => this.listeners.delete(listener);
  }

  /** Resolves when the database answers again, or on {@link close}. Pings soon after an outage (0.5 to 15 s), later after a refused login. */
  untilReady(): Promise<void> {
    this.knocking ??= this.knock().finally(() => (this.knocking = undefined));
    return this.knocking;
  }

  /** To be called when the database has answered. */
  works(): void {
    this.refusal = undefined;
    this.backOff.reset();
    this.tell({ kind: "connected" });
  }

  /** To be called when a request has failed. Errors about a message, a table or a statement are passed over, as is a busy database, since the database answers. */
  failed(error: ConnectorError): void {
    if (error.scope !== "system" || error.code === "FLOW_STOPPED" || error.code === "TABLE_UNKNOWN" || concernsTable(error) || error.details["busy"] === true) return;
    if (error.code === "DATABASE_REFUSED") this.refusal = { error, until: performance.now() + this.timing.afterRefusal };
    this.tell({ kind: needsAHand(error) ? "failed" : "waiting", error });
  }

  /** To be called when nobody uses the database any more. */
  rests(): void {
    this.tell({ kind: "idle" });
  }

  /** Ends the pings. */
  close(): void {
    this.closed = true;
    this.waits.end();
  }

  /** Removes all listeners. */
  forget(): void {
    this.listeners.clear();
  }

  private async knock(): Promise<void> {
    while (!this.closed) {
      const left = this.refusal ? this.refusal.until - performance.now() : 0; // 0 also where the refused login is over and the database fails with another error
      await this.waits.sleep(left > 0 ? left : this.backOff.next());
      if (this.closed) return;
      try {
        await this.ping();
        return;
      } catch (error) {
        if (isConnectorError(error) && error.scope !== "system") return; // it answered
      }
    }
  }

  private tell(state: DatabaseState): void {
    const same = state.kind === this.state.kind && state.error?.message === this.state.error?.message;
    this.state = state;
    if (!same) for (const listener of this.listeners) listener(state);
  }
}

/** Whether an error of scope `system` is about one table, one statement, or what the database takes at present, while the database itself answers. */
export function concernsTable({ scope, details }: ConnectorError): boolean {
  return scope === "system" && (details["table"] !== undefined || details["statement"] === true || details["answers"] === true);
}
