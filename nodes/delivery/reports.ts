import { toConnectorError } from "../common/errors";
import { verdictFor } from "./delivery";
import type { FlowNode, Hop } from "./hop";
import { nameOf } from "./outcome";
import type { LogEntry } from "./runtime";
import type { Caught, Scope, Verdict } from "./scope";
import type { Seat } from "./seat";

/** What a Catch node finds in its message (runtime/lib/flows/Flow.js, `handleError`). */
interface CaughtMessage {
  error?: { message?: string; source?: { id?: string; name?: string; type?: string } };
}

/** An error a node reported. */
interface Report {
  nodeId: string;
  scope: Scope;
  verdict: Verdict;
  /** The hop that `done(err)` ended; absent for `node.error` and for what a handler threw. */
  hop: Hop | undefined;
}

/** An error that a node has told of, but not by the `done` of a message. */
interface Alarm {
  nodeId: string;
  verdict: Verdict;
  /** Where it is recorded already. */
  scope: Scope | undefined;
}

/**
 * The latest `done` and the latest error of the code that runs now. Node-RED hands an error to Catch nodes, or to the log, and a `done`
 * to Complete nodes before that code goes on, wherever it runs: this tells whose it is when the context cannot.
 */
export class Reports {
  private done: Hop | undefined;
  /** Where that was called; the hop may have gone on since. */
  private doneAt: Seat | undefined;
  private latest: Report | undefined;
  /** Until its node sends something: what it is done with meanwhile has failed by that, whose code ever runs. A connection that all messages share calls back in the context of none, or of the first. */
  private alarm: Alarm | undefined;

  /** `done()` was called, for `hop` if it was for a message that is followed. */
  completed(hop: Hop | undefined, error: unknown): void {
    this.done = hop;
    this.doneAt = hop?.seat;
    if (!hop) return;
    if (!error) return this.alarm && blame(this.alarm, hop);
    this.keep({ nodeId: hop.node.id, scope: hop.scope, verdict: record(hop.scope, error, hop.node), hop });
  }

  /** A node sends: what it finishes with from now on has not failed. */
  sends(node: FlowNode): void {
    if (this.alarm?.nodeId === node.id) this.alarm = undefined;
  }

  /** An error that no Catch node took was logged. @param scope where the code runs, if that is open */
  logged(id: string, entry: LogEntry, scope: Scope | undefined): void {
    const node = nameOf({ ...entry, id });
    const verdict = scope?.verdictOf(id) ?? verdictFor(toConnectorError(loggedError(entry.msg)), node);
    if (scope && !scope.verdictOf(id)) scope.record(verdict);
    this.raise({ nodeId: id, verdict, scope });
  }

  /** A Catch node is given a `message` of which nothing tells whose it is. */
  caughtOfNobody({ error }: CaughtMessage): void {
    const id = error?.source?.id;
    if (typeof id === "string") this.raise({ nodeId: id, verdict: verdictFor(toConnectorError(error?.message ?? "error"), { ...error?.source, id }), scope: undefined });
  }

  /** The hop whose copy `message` is, for a Catch or Complete node that is given it. */
  originOf(message: object, node: FlowNode): Hop | undefined {
    const { done, latest } = this;
    if (!done && !latest) return undefined;
    if (node.type === "complete") {
      const from = (message as { complete?: { source?: { id?: string } } }).complete?.source?.id; // Node-RED 4.1.3 and later
      return from === undefined || from === this.doneAt?.node.id ? done : undefined;
    }
    if (node.type !== "catch" || !latest?.hop || latest.verdict.catchers?.has(node)) return undefined;
    return (message as CaughtMessage).error?.source?.id === latest.nodeId ? latest.hop : undefined;
  }

  /**
   * The errors on whose Catch branch the `message` is that Catch node `node` is given: the one that it tells of, and, where that was raised on this very branch, those it was
   * on before.
   *
   * @param before what the message that failed was on the Catch branches of
   * @param fresh called when the error is recorded here
   */
  caught(scope: Scope, before: Caught | undefined, message: object, node: FlowNode, fresh: (nodeId: string) => void): Caught | undefined {
    const { error } = message as CaughtMessage;
    const id = error?.source?.id;
    if (typeof id !== "string") return before;
    const { latest } = this;
    const isKnown = latest?.nodeId === id && latest.scope === scope && !latest.verdict.catchers?.has(node);
    const verdict = isKnown ? latest.verdict : record(scope, error?.message ?? "error", { ...error?.source, id });
    (verdict.catchers ??= new Set()).add(node);
    if (!isKnown) {
      this.keep({ nodeId: id, scope, verdict, hop: undefined });
      this.raise({ nodeId: id, verdict, scope });
      fresh(id);
    }
    return [verdict, ...(before ?? []).filter(({ catchers }) => catchers?.has(node))];
  }

  /** Whether an error in the log is that of a `done(err)`, which is recorded already. */
  isLogged(nodeId: string): boolean {
    const { latest } = this;
    if (!latest?.hop || latest.nodeId !== nodeId || latest.verdict.catchers) return false;
    this.latest = undefined;
    return true;
  }

  private raise(alarm: Alarm): void {
    this.alarm = alarm;
    queueMicrotask(() => {
      if (this.alarm === alarm) this.alarm = undefined;
    });
  }

  private keep(report: Report): void {
    this.latest = report;
    queueMicrotask(() => {
      if (this.latest === report) this.latest = undefined;
    });
  }
}

/** Records the failure of `node` with the outcome its error asks for. */
export function record(scope: Scope, error: unknown, node: Verdict["node"]): Verdict {
  const verdict = verdictFor(toConnectorError(error), node);
  scope.record(verdict);
  return verdict;
}

function blame({ nodeId, verdict, scope }: Alarm, hop: Hop): void {
  if (hop.node.id === nodeId && hop.scope !== scope) hop.scope.record(verdict);
}

/** Node-RED's own Debug node listens to the log as well, and leaves an Error in it as text for the editor (21-debug.js, `encodeObject`). */
function loggedError(logged: unknown): unknown {
  if (typeof logged !== "string" || !logged.startsWith('{"__enc__":true')) return logged;
  try {
    return (JSON.parse(logged) as { data?: { message?: string } }).data?.message ?? logged;
  } catch {
    return logged;
  }
}
