import { toConnectorError } from "../../common/errors";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane } from "../client/org-lane";

/** Settings of a {@link RequestWorker}: `I` is what one message asks for, `R` what it gets. */
export interface RequestWorkerOptions<I, R> {
  org: OrgClient;
  /** What a message asks for. */
  prepare: (msg: object) => I | Promise<I>;
  /** Asks the org. Rejects with a ConnectorError of scope `system` only for what is safe to ask again. */
  send: (item: I) => Promise<R>;
  /** Calls under way at once; 1 keeps the order of messages. */
  concurrency: number;
  /** The state changed; called often. */
  onState: (state: LaneState) => void;
  warn: (text: string) => void;
}

/** Makes one call for each message, and settles it by the answer. */
export class RequestWorker<I, R> {
  private readonly lane: OrgLane<I, R>;

  constructor(private readonly options: RequestWorkerOptions<I, R>) {
    const { org, concurrency, onState, warn, send } = options;
    this.lane = new OrgLane<I, R>({
      org,
      batchSize: 1,
      linger: 0,
      concurrency,
      write: async (items) => {
        const [item] = items;
        return [{ ok: true, value: await send(item as I) }];
      },
      onState,
      warn,
      // Who sends knows best what may be sent again.
      retriesInPlace: 0,
    });
    onState(this.lane.state);
  }

  /** Takes a message in. @param answered called with the answer before `done()` */
  take(msg: object, done: (error?: Error) => void, answered: (result: R) => void): void {
    let item: I | Promise<I>;
    try {
      item = this.options.prepare(msg);
    } catch (error) {
      done(toConnectorError(error, "INPUT_INVALID"));
      return;
    }
    this.lane.take(msg, item, done, answered);
  }

  /** Finishes what it has, for at most 8 s, gives the rest back, and leaves the org. */
  close(): Promise<void> {
    return this.lane.close();
  }
}
