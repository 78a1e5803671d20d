import { toConnectorError, type ConnectorError } from "../common/errors";
import type { Claim } from "./claim";
import type { Patience } from "./patience";

/** A message that a sink has. */
export class SinkEntry<V, R> {
  /** Of those whose order is kept. */
  key: string | undefined;
  /** It has waited too long and has failed: whoever still has it forgets it. */
  over = false;
  private held = false;

  /**
   * @param value what is to be stored
   * @param claim of the delivery that it belongs to
   * @param done Node-RED's
   * @param stored passes the message on
   * @param patience how long one of no delivery is held at most; absent: without end
   */
  constructor(
    public value: V,
    readonly claim: Claim | undefined,
    readonly done: (error?: Error) => void,
    private readonly stored: (result: R) => void,
    private readonly patience: Patience<SinkEntry<V, R>> | undefined,
  ) {}

  /** Its system is away. */
  hold(error: ConnectorError): void {
    if (this.held) return;
    this.held = true;
    if (this.claim) this.claim.hold(error.message);
    else this.patience?.add(this);
  }

  /** Its system has answered, or it waits for it no more. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    if (this.claim) this.claim.resume();
    else this.patience?.delete(this);
  }

  /** It is stored, and goes on. */
  pass(result: R): void {
    try {
      this.stored(result);
    } catch (error) {
      this.done(toConnectorError(error));
      return;
    }
    this.done();
  }
}
