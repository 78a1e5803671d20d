import { BackOff } from "../../common/back-off";
import type { ConnectorError } from "../../common/errors";

/** The least wait between two tries, however ready the system says it is, so that nothing spins. Caps in ms. */
const SPIN = { initial: 2, max: 1000 };

/** The wait for a system that is away. All who wait share it, and go on in the order they came. */
export class Knock {
  private readonly backOff: BackOff;
  private current: Promise<void> | undefined;
  private finish: (() => void) | undefined;

  /** @param untilReady resolves when the system is worth a try. It is awaited together with a short back-off; without it, only a back-off from 1 to 60 s is */
  constructor(private readonly untilReady?: (error: ConnectorError) => Promise<void>) {
    this.backOff = untilReady ? new BackOff(SPIN) : new BackOff();
  }

  /** Resolves when the next try is due. */
  wait(error: ConnectorError): Promise<void> {
    this.current ??= new Promise((resolve) => {
      this.finish = () => {
        clearTimeout(timer);
        this.current = this.finish = undefined;
        resolve();
      };
      const { finish } = this;
      let open = 2;
      const one = (): void => {
        open -= 1;
        if (open === 0 && this.finish === finish) finish();
      };
      const timer = setTimeout(one, this.backOff.next());
      void this.ready(error).then(one);
    });
    return this.current;
  }

  /** Ends the wait at once. */
  end(): void {
    this.finish?.();
  }

  /** The system has answered, so the next wait is short again. */
  reset(): void {
    this.backOff.reset();
  }

  private async ready(error: ConnectorError): Promise<void> {
    try {
      await this.untilReady?.(error);
    } catch {
      // the next try will tell
    }
  }
}
