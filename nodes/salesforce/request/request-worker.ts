import { toConnectorError } from "../../common/errors";
import type { OrgClient } from "../client/org";
import { type LaneState, OrgLane } from "../client/org-lane";

/** Settings of a {@link RequestWorker}. `I` is the call that a message asks for, `R` the result. */
export interface RequestWorkerOptions<I, R> {
  org: OrgClient;
  /** Makes the call that a message asks for. */
  prepare: (msg: object) => I | Promise<I>;
  /** Sends the call to the org. It rejects with a ConnectorError of scope `system` only if the call may be repeated safely. */
  send: (item: I) => Promise<R>;
  /** How many calls are under way at once. With 1, messages keep their order. */
  concurrency: number;
  /** Called at every change of the state, which is often. */
  onState: (state: LaneState) => void;
  warn: (text: string) => void;
}

/** Makes one call for each message, and settles the message by the answer. */
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
      // `send` itself knows which calls may be repeated.
      retriesInPlace: 0,
    });
    onState(this.lane.state);
  }

  /** Accepts a message. @param answered called with the result before `done()` */
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

  /** Finishes the messages that it holds, for at most 8 s, gives the rest back, and releases the org. */
  close(): Promise<void> {
    return this.lane.close();
  }
}
