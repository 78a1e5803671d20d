import { ErrorListener } from "./error-listener";
import type { CompleteEvent, LogEntry, ReceiveEvent, SendEvent, TrackedRuntime } from "../runtime";

/** Label of our hooks in Node-RED. */
const LABEL = "surewireDelivery";

/** Callbacks for what happens in a runtime, called in the turn in which it happens. Some are passed to Node-RED as hooks; it looks at how many parameters a hook has. */
export interface RuntimeEvents {
  readonly sent: (events: SendEvent[]) => void;
  /** Whether a message belongs to a delivery. */
  isFollowed(message: object): boolean;
  /** A message reaches a node. @param next lets the node handle it; to be called once */
  readonly received: (event: ReceiveEvent, next: () => void) => void;
  /** The node's handler has returned. Called only after {@link RuntimeWatch.handling}. */
  handled(event: ReceiveEvent): void;
  readonly completed: (event: CompleteEvent) => void;
  /** An error was logged. */
  logged(entry: LogEntry): void;
  stopping(): void;
  stopped(): void;
  started(): void;
}

/**
 * Listens to one runtime: to the starts and stops of flows from its constructor to {@link end}, to messages and errors between {@link listen} and {@link rest}. A
 * runtime without hooks, as in the test helper, tells of no messages.
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
    // ahead of the listeners of nodes, since a source may send in its own, and that is to be followed
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
      // This mode delivers within `send`. A followed message has to arrive in a turn of its own, see Turn
      hooks?.add(`preDeliver.${LABEL}`, (event: SendEvent, next: () => void) => (told.isFollowed(event.msg) ? void setImmediate(next) : next()));
    }
    hooks?.add(`onReceive.${LABEL}`, told.received);
    hooks?.add(`onComplete.${LABEL}`, told.completed);
  }

  /** Stops telling of messages and errors, since each hook and log handler costs time for every message in Node-RED. */
  rest(): void {
    if (!this.listens) return;
    const { hooks, log } = this.runtime;
    this.listens = this.watchesHandling = false;
    hooks?.remove(`*.${LABEL}`);
    log.removeHandler(this.logHandler);
  }

  /** From now on, until {@link rest}, also tells when a handler has returned. That takes one more hook, added only when it is needed. @returns whether it was added now */
  handling(): boolean {
    if (this.watchesHandling) return false;
    this.watchesHandling = true;
    this.runtime.hooks?.add(`postReceive.${LABEL}`, (event: ReceiveEvent) => this.told.handled(event));
    return true;
  }

  /** Removes all listeners, hooks and the log handler. */
  end(): void {
    this.rest();
    for (const [name, listener] of this.flowEvents) this.runtime.events.removeListener(name, listener);
  }
}
