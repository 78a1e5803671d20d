import { toConnectorError } from "../../common/errors";
import { verdictFor } from "../delivery";
import { type FlowNode, type Hop, Mark } from "./hop";
import { hopOf } from "./message-hops";
import { nameOf } from "../outcome";
import type { LogEntry } from "../runtime";
import type { Caught, Scope, Verdict } from "./scope";
import type { Seat } from "./seat";
import { warnOfLateFailure } from "./unfollowed";

/** A message that Node-RED hands to a Catch node (runtime/lib/flows/Flow.js, `handleError`). */
interface CaughtMessage {
  error?: { message?: string; source?: { id?: string; name?: string; type?: string } };
}

/** An error that a node has reported and that is recorded. */
interface Report {
  nodeId: string;
  scope: Scope;
  verdict: Verdict;
  /** The hop that `done(err)` ended; `undefined` for `node.error` and for an error that a handler threw. */
  hop: Hop | undefined;
}

/** An error that a node has reported in another way than by `done(err)`. */
interface Alarm {
  nodeId: string;
  verdict: Verdict;
  /** The scope in which it is recorded already. */
  scope: Scope | undefined;
  /** Where it is recorded if the node calls no `done` right after it. */
  otherwise?: Scope | undefined;
}

/**
 * Remembers the latest `done` and, until the code that runs now has ended, the latest error. Node-RED tells Catch nodes or the log of an error, and Complete nodes of a
 * `done`, within the call that reports it. So they tell to which delivery a message at such a node belongs when the asynchronous context cannot.
 */
export class Reports {
  private done: Hop | undefined;
  /** The node that called it. The hop may have gone on to another node since. */
  private doneAt: Seat | undefined;
  private latest: Report | undefined;
  /**
   * Kept until the next microtask, or until its node sends something. Messages for which the node calls `done` meanwhile have failed with this error, whatever the context
   * is: a connection that all messages share calls back in no context, or in that of the first message.
   */
  private alarm: Alarm | undefined;
  /** Set when a node has called `done(error)` for a message that it does not hold. The error belongs to this message only, whatever the context is. Kept until the next microtask. */
  private failedOther: { nodeId: string; scope: Scope | undefined } | undefined;

  /** Notes that `node` has called `done()` for `message`. @param hop the hop of the message, if the message is followed and `node` holds it */
  completed(hop: Hop | undefined, error: unknown, node: FlowNode, message: object): void {
    this.done = hop;
    this.doneAt = hop?.seat;
    if (!hop) return error ? this.failsLate(error, node, message) : undefined;
    if (!error) return this.blame(hop);
    this.keep({ nodeId: hop.node.id, scope: hop.scope, verdict: record(hop.scope, error, hop.node), hop });
  }

  /** Notes that a node sends a message. What it calls `done` for from now on has not failed with the error of the {@link alarm}. */
  sends(node: FlowNode): void {
    if (this.alarm?.nodeId === node.id) this.alarm = undefined;
  }

  /**
   * Notes that an error was logged that no Catch node took.
   *
   * @param scope the scope for which the code runs, if it is open
   * @param left whether the node has finished its work for that scope in an earlier turn. It may call back for other messages there, if it made a connection for the first of them
   */
  logged(id: string, entry: LogEntry, scope: Scope | undefined, left: boolean): void {
    const known = left ? undefined : scope?.verdictOf(id);
    const verdict = known ?? verdictFor(toConnectorError(loggedError(entry.msg)), nameOf({ ...entry, id }));
    if (left) return this.raise({ nodeId: id, verdict, scope: undefined, otherwise: scope });
    if (!known) scope?.record(verdict);
    this.raise({ nodeId: id, verdict, scope });
  }

  /** Notes the error of a message that a Catch node is given, when nothing tells to which delivery the message belongs. */
  caughtOfNobody({ error }: CaughtMessage): void {
    const id = error?.source?.id;
    if (typeof id === "string") this.raise({ nodeId: id, verdict: verdictFor(toConnectorError(error?.message ?? "error"), { ...error?.source, id }), scope: undefined });
  }

  /** Returns the hop of the original, for the copy of a message that a Catch or Complete node is given. */
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
   * Records the error of a message that a Catch node is given, if it is not recorded yet.
   *
   * @param before the errors on whose Catch branches the failed message was
   * @param fresh called with the id of the failed node, if the error was not recorded before
   * @returns the errors on whose Catch branches `message` is: its own, and those of `before` that `node` has caught, too
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

  /** Whether `node` is a Catch node that is given a failed message that is not followed or is already settled. It does not belong to the delivery for which the code runs then. */
  isOfNobody(message: object, node: FlowNode): boolean {
    const { failedOther } = this;
    return failedOther !== undefined && !failedOther.scope && node.type === "catch" && (message as CaughtMessage).error?.source?.id === failedOther.nodeId;
  }

  /** Whether a logged error was told by `done(err)`, so that it is recorded already or its message is not followed. True once for each error. */
  isLogged(nodeId: string): boolean {
    if (this.failedOther?.nodeId === nodeId) {
      this.failedOther = undefined;
      return true;
    }
    const { latest } = this;
    if (!latest?.hop || latest.nodeId !== nodeId || latest.verdict.catchers) return false;
    this.latest = undefined;
    return true;
  }

  /** Notes an error that `node` tells by `done(error)` for a message that it does not hold: it has called `done` for it before, or the message is not followed. */
  private failsLate(error: unknown, node: FlowNode, message: object): void {
    const scope = hopOf(message)?.scope;
    const open = scope?.closed ? undefined : scope;
    this.failedOther = { nodeId: node.id, scope: open };
    queueMicrotask(() => (this.failedOther = undefined));
    if (open) this.keep({ nodeId: node.id, scope: open, verdict: record(open, error, node), hop: undefined });
    else if (scope) warnOfLateFailure(node, scope);
  }

  private raise(alarm: Alarm): void {
    if (this.failedOther?.nodeId === alarm.nodeId) return;
    this.alarm = alarm;
    queueMicrotask(() => {
      if (this.alarm === alarm) this.alarm = undefined;
      alarm.otherwise?.record(alarm.verdict);
    });
  }

  /**
   * Records the error of the alarm for a message that its node is done with, unless it is recorded there already. Not if the message is stored: then a node of ours has
   * said so, and what it has logged is about its system.
   */
  private blame(hop: Hop): void {
    const { alarm } = this;
    if (!alarm || hop.node.id !== alarm.nodeId || hop.scope === alarm.scope || (hop.marks & Mark.Safe) !== 0) return;
    hop.scope.record(alarm.verdict);
    alarm.otherwise = undefined;
  }

  private keep(report: Report): void {
    this.latest = report;
    queueMicrotask(() => {
      if (this.latest === report) this.latest = undefined;
    });
  }
}

/** Records that `node` has failed, with the outcome that the error asks for. */
export function record(scope: Scope, error: unknown, node: Verdict["node"]): Verdict {
  const verdict = verdictFor(toConnectorError(error), node);
  scope.record(verdict);
  return verdict;
}

/** The error, or its message, of a log entry. Node-RED's Debug node also listens to the log, and replaces an Error there by JSON text for the editor (21-debug.js, `encodeObject`). */
function loggedError(logged: unknown): unknown {
  if (typeof logged !== "string" || !logged.startsWith('{"__enc__":true')) return logged;
  try {
    return (JSON.parse(logged) as { data?: { message?: string } }).data?.message ?? logged;
  } catch {
    return logged;
  }
}
