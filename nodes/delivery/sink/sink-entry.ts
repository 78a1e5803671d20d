import { toConnectorError, type ConnectorError } from "../../common/errors";
import type { Claim } from "../claim";
import type { Patience } from "../patience";

/** A message that a sink has taken and not finished with. */
export class SinkEntry<V, R> {
  /** Entries with the same key are written in their order; `undefined` for no order. */
  key: string | undefined;
  /** It has failed, since it has waited too long. Whoever still has it must drop it. */
  over = false;
  private held = false;

  /**
   * @param value what is to be stored
   * @param claim the claim on its delivery, if it belongs to one
   * @param done Node-RED's
   * @param stored called when the value is stored, to send the message on
   * @param patience bounds how long it is held if it belongs to no delivery; `undefined` means for ever
   */
  constructor(
    public value: V,
    readonly claim: Claim | undefined,
    readonly done: (error?: Error) => void,
    private readonly stored: (result: R) => void,
    private readonly patience: Patience<SinkEntry<V, R>> | undefined,
  ) {}

  /** Its system is away: it is held until {@link release}. */
  hold(error: ConnectorError): void {
    if (this.held) return;
    this.held = true;
    if (this.claim) this.claim.hold(error.message);
    else this.patience?.add(this);
  }

  /** Its system has answered, or it no longer waits for it. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    if (this.claim) this.claim.resume();
    else this.patience?.delete(this);
  }

  /** Its value is stored: sends the message on and calls `done`. */
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
