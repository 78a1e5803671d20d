/** Node-RED's status object. */
interface NodeStatus {
  fill?: "red" | "green" | "yellow" | "blue" | "grey";
  shape?: "ring" | "dot";
  text?: string;
}

/** The states that a node of ours can show. */
export type StatusState = "idle" | "connecting" | "connected" | "working" | "waiting" | "reconnecting" | "paused" | "failed" | "stopped";

/** Colours as Node-RED's own nodes use them: green works, yellow waits, red needs a hand, blue is at work, grey is off. */
const LOOKS: Record<StatusState, NodeStatus> = {
  idle: { fill: "green", shape: "dot" },
  connecting: { fill: "yellow", shape: "ring" },
  connected: { fill: "green", shape: "dot" },
  working: { fill: "blue", shape: "dot" },
  waiting: { fill: "yellow", shape: "ring" },
  reconnecting: { fill: "yellow", shape: "ring" },
  paused: { fill: "grey", shape: "dot" },
  failed: { fill: "red", shape: "ring" },
  stopped: { fill: "grey", shape: "ring" },
};

/** ms between two updates: a status is sent to every open editor. */
const INTERVAL = 250;
/** Longer texts do not fit under a node. */
const TEXT_LENGTH = 60;

/** The status of one node, updated at most four times a second. The last state that was set is always shown. */
export class Status {
  private shown: string | undefined;
  private next: { state: StatusState; text: string | (() => string) } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly node: { status(status: NodeStatus): void }) {}

  /**
   * Shows `state`.
   *
   * @param text default: the state's name. As a function it is called only when it is shown: a translation for every message
   *   took half of the time of a queue-to-table flow
   */
  set(state: StatusState, text: string | (() => string) = state): void {
    if (this.closed) return;
    this.next = { state, text };
    if (!this.timer) this.show();
  }

  /** Clears the status, and shows nothing any more. For when the node closes. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.node.status({});
  }

  private show(): void {
    const next = this.next;
    this.next = undefined;
    if (!next) {
      this.timer = undefined;
      return;
    }
    const text = typeof next.text === "function" ? next.text() : next.text;
    const key = `${next.state} ${text}`;
    if (key !== this.shown) {
      this.shown = key;
      this.node.status({ ...LOOKS[next.state], text: text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH - 1)}…` : text });
    }
    this.timer = setTimeout(() => this.show(), INTERVAL);
    this.timer.unref();
  }
}
