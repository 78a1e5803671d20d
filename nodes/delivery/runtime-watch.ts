import { ErrorListener } from "./error-listener";
import type { CompleteEvent, LogEntry, ReceiveEvent, SendEvent, TrackedRuntime } from "./runtime";

/** Label of our hooks in Node-RED. */
const LABEL = "surewireDelivery";

/** What is told of a runtime, in the turn in which it happens. Node-RED's hooks are given some of these as they are, and look at how many parameters they have. */
export interface RuntimeEvents {
  readonly sent: (events: SendEvent[]) => void;
  /** Whether a message belongs to a delivery. */
  isFollowed(message: object): boolean;
  /** A message reaches a node. @param next has the node handle it; to be called once */
  readonly received: (event: ReceiveEvent, next: () => void) => void;
  /** The node's handler has returned; told after {@link RuntimeWatch.handling} only. */
  handled(event: ReceiveEvent): void;
  readonly completed: (event: CompleteEvent) => void;
  /** An error was logged. */
  logged(entry: LogEntry): void;
  stopping(): void;
  stopped(): void;
  started(): void;
}

/**
 * Our listeners in one runtime, from when it is made until {@link end}, and our hooks and log handler while it is to {@link listen}. A runtime
 * without hooks (test helper) tells of no messages.
 */
export class RuntimeWatch {
  private readonly logHandler: ErrorListener;
  private readonly flowEvents: [name: string, listener: () => void][];
  private listens = false;
  /** Whether {@link handling} was called since it listens. */
  watchesHandling = false;

  constructor(
    private readonly runtime: TrackedRuntime,
    private readonly told: RuntimeEvents,
  ) {
    this.logHandler = new ErrorListener((entry) => told.logged(entry));
    this.flowEvents = [
      ["flows:stopping", () => told.stopping()],
      ["flows:stopped", () => told.stopped()],
      ["flows:started", () => told.started()],
    ];
    // before the nodes: what a source sends once the flows have started is followed
    for (const [name, listener] of this.flowEvents) runtime.events.prependListener(name, listener);
  }

  /** Tells of messages and errors from now on, until {@link rest}. */
  listen(): void {
    if (this.listens) return;
    this.listens = true;
    const { told } = this;
    const { hooks, log, settings } = this.runtime;
    log.addHandler(this.logHandler);
    hooks?.add(`onSend.${LABEL}`, told.sent);
    if (settings?.runtimeSyncDelivery) {
      // in its turn, see Turn
      hooks?.add(`preDeliver.${LABEL}`, (event: SendEvent, next: () => void) => (told.isFollowed(event.msg) ? void setImmediate(next) : next()));
    }
    hooks?.add(`onReceive.${LABEL}`, told.received);
    hooks?.add(`onComplete.${LABEL}`, told.completed);
  }

  /** Tells of messages and errors no more: hooks and log handlers cost each message, whatever they do. */
  rest(): void {
    if (!this.listens) return;
    const { hooks, log } = this.runtime;
    this.listens = this.watchesHandling = false;
    hooks?.remove(`*.${LABEL}`);
    log.removeHandler(this.logHandler);
  }

  /** Tells from now on, while it listens, when a node has handled a message, too: one more hook, which flows without need for it do not pay for. @returns whether it did not before */
  handling(): boolean {
    if (this.watchesHandling) return false;
    this.watchesHandling = true;
    this.runtime.hooks?.add(`postReceive.${LABEL}`, (event: ReceiveEvent) => this.told.handled(event));
    return true;
  }

  /** Takes everything away again. */
  end(): void {
    this.rest();
    for (const [name, listener] of this.flowEvents) this.runtime.events.removeListener(name, listener);
  }
}
