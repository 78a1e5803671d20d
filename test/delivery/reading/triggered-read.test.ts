import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { ConnectorError } from "../../../nodes/common/errors";
import { flowTracker } from "../../../nodes/delivery/tracker/flow-tracker";
import { settle } from "../../../nodes/delivery/settle/settle-message";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { TriggeredRead } from "../../../nodes/delivery/reading/triggered-read";
import type { ReadPages } from "../../../nodes/delivery/reading/triggered-read-options";
import { remains, waitFor } from "../../services/wait";

const away = new ConnectorError("ORG_UNAVAILABLE", "away");
type Pages = ReadPages<number>;

/** Pages that can be asked for again; an error stays until it is taken out. */
class ResumingPages implements Pages {
  readonly resumes = true;
  constructor(readonly steps: (number[] | Error)[]) {}
  async next(): Promise<number[] | undefined> {
    const [step] = this.steps;
    if (step instanceof Error) throw step;
    this.steps.shift();
    return step;
  }
  async close(): Promise<void> {}
}

/** A reading whose system never says that it is back, and one trigger of no delivery; what is sent stays in the flow. */
function ask(output: "all" | "batch", open: () => Promise<Pages>, isWired = () => true) {
  const sent: object[] = [];
  const done: (ConnectorError | undefined)[] = [];
  const read = new TriggeredRead<object, number, Pages>({
    settings: { output, batchSize: 2, maxRows: 100, maxInFlight: 100, emptyOutput: false, settle: "node", deadline: 60_000, retries: 0, retryDelay: 1, retryMaxDelay: 1 },
    own: new Set(["payload"]),
    valuesFor: (msg) => msg,
    open,
    message: (_pages, rows) => ({ payload: rows }),
    isAway: ({ scope }) => scope === "system",
    untilReady: () => new Promise(() => undefined),
    node: { id: "reader", type: "reader" },
    runtime: { events: new EventEmitter() } as unknown as TrackedRuntime,
    send: (message) => sent.push(message),
    isWired,
    clone: (value) => structuredClone(value),
    warn: () => undefined,
    onState: () => undefined,
    patience: 20,
  });
  read.take({ msg: {}, send: (messages) => sent.push(...messages.filter((one) => one !== null)), done: (error) => done.push(error as ConnectorError | undefined) });
  return { read, sent, done };
}

describe("a reading that is broken off", () => {
  it("passes no part of the rows on for all of them, when its trigger has failed between two pages", async () => {
    const { read, sent, done } = ask("all", () => Promise.resolve(new ResumingPages([[1, 2, 3], away])));
    await waitFor("the trigger's end", () => done.length === 1);
    await read.close(1);
    assert.deepEqual([done.map((error) => error?.code), sent], [["ORG_UNAVAILABLE"], []]);
  });

  it("calls no batch the last, when its trigger has failed between two pages", async () => {
    const { read, sent, done } = ask("batch", () => Promise.resolve(new ResumingPages([[1, 2, 3], away])));
    await waitFor("the trigger's end", () => done.length === 1);
    await read.close(1);
    assert.deepEqual(done.map((error) => error?.code), ["ORG_UNAVAILABLE"]);
    assert.deepEqual(sent.map((message) => [(message as { payload: number[] }).payload, (message as { parts: { count?: number } }).parts.count]), [[[1, 2], undefined]]);
  });

  for (const [outcome, retryable] of [["retry", true], ["dead-letter", false]] as const) {
    it(`fails its trigger so that it is ${retryable ? "" : "not "}tried again, when a settle node has asked for ${outcome} of rows until their attempts were used up`, async () => {
      const { read, sent, done } = ask("batch", () => Promise.resolve(new ResumingPages([[1]])));
      await waitFor("the rows", () => sent.length === 1);
      settle(sent[0] as object, outcome, undefined, { id: "settle", type: "surewire-settle" });
      await waitFor("the trigger's end", () => done.length === 1);
      await read.close(1);
      assert.deepEqual(done.map((error) => [error?.code, error?.retryable]), [["SETTLED_BY_FLOW", retryable]]);
    });
  }

  it("sends nothing when its system answers only after it has closed", async () => {
    let answer: (() => void) | undefined;
    const { read, sent, done } = ask("all", () => new Promise((resolve) => (answer = () => resolve(new ResumingPages([[1]])))));
    await waitFor("the question", () => answer !== undefined);
    await read.close(1); // which waits a second for the answer
    answer?.();
    await remains("nothing sent", () => sent.length === 0, 20);
    assert.deepEqual([done.map((error) => error?.code), sent], [["FLOW_STOPPED"], []]);
  });
});

describe("a reading with no node behind it", () => {
  it("says that the flow was stopped while flows are stopped and started, and that nothing is wired after that", async () => {
    const events = new EventEmitter();
    const readUnwired = async (): Promise<string | undefined> => {
      const { read, done } = ask("all", () => Promise.resolve(new ResumingPages([[1]])), () => false);
      await waitFor("the trigger's end", () => done.length === 1);
      await read.close(1);
      return done[0]?.code;
    };
    flowTracker.acquire({ events } as unknown as TrackedRuntime);
    try {
      events.emit("flows:started");
      assert.equal(await readUnwired(), "NOT_CONFIGURED");
      events.emit("flows:stopping");
      assert.equal(await readUnwired(), "FLOW_STOPPED");
      events.emit("flows:started");
      assert.equal(await readUnwired(), "NOT_CONFIGURED");
    } finally {
      flowTracker.release();
    }
  });
});
