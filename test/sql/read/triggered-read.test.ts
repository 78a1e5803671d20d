import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Outcome } from "../../../nodes/delivery/outcome";
import { registry } from "../../../nodes/delivery/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import type { ReadState } from "../../../nodes/delivery/read-state";
import { DeliverySource } from "../../../nodes/delivery/source";
import type { Parameter } from "../../../nodes/common/parameters";
import { queryParameters } from "../../../nodes/sql/client/named-values";
import { readSettings, type MessageSettings, type ReadDef } from "../../../nodes/sql/read/settings";
import { TriggeredRead, type TriggeredReadOptions } from "../../../nodes/sql/read/triggered-read";
import { waitFor as waitUntil } from "../../services/wait";
import { FakeDatabase } from "./fake-database";

const waitFor = (what: string, condition: () => boolean): Promise<boolean> => waitUntil(what, condition, { timeout: 15_000, interval: 2 });
const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
const away = new ConnectorError("DATABASE_UNAVAILABLE", "connection refused");

type Sent = { payload: never; delivery: { id: string; attempt: number }; parts: { id: string; index: number; count?: number } } & Record<string, unknown>;

interface Asked {
  msg: object;
  /** What was sent in the place of the trigger: lists of outputs. */
  passed: (object | null)[][];
  /** Calls of `done`, each with its error. */
  done: (ConnectorError | undefined)[];
}

interface Opened {
  read: TriggeredRead;
  sent: Sent[];
  states: ReadState[];
  warnings: string[];
  ask(msg?: object): Asked;
  close(): Promise<void>;
}

function settle(message: Sent, outcome: Outcome, error?: ConnectorError): void {
  const delivery = registry.find(message.delivery.id);
  if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
}

describe("sql read for a message", () => {
  /** Node-RED's. */
  const events = new EventEmitter();
  const opened: Opened[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())));

  /** Reads for triggers; the test settles what is sent, or `answer` does. */
  function open(database: FakeDatabase, def: Partial<ReadDef> = {}, answer?: (message: Sent) => void, more: Partial<TriggeredReadOptions> & { own?: Parameter[] } = {}): Opened {
    const { own = [], ...options } = more;
    const settings = readSettings({ database: "", query: "select * from t", settle: "node", retries: 0, retryDelay: 10, ...def }) as MessageSettings;
    const sent: Sent[] = [];
    const states: ReadState[] = [];
    const warnings: string[] = [];
    const read = new TriggeredRead({
      settings,
      parameters: queryParameters(settings.query, own),
      database,
      node: { id: "read", type: "surewire-sql-read" },
      runtime: { events } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
      send: (message) => {
        sent.push(message as Sent);
        answer?.(message as Sent);
      },
      isWired: () => true,
      clone: (value) => structuredClone(value),
      warn: (text) => warnings.push(text),
      onState: (state) => states.push(state),
      ...options,
    });
    const ask = (msg: object = { payload: "go" }): Asked => {
      const asked: Asked = { msg, passed: [], done: [] };
      read.take({ msg, send: (messages) => asked.passed.push(messages), done: (error) => asked.done.push(error as ConnectorError | undefined) });
      return asked;
    };
    let closing: Promise<void> | undefined;
    const made = { read, sent, states, warnings, ask, close: () => (closing ??= read.close(200)) };
    opened.push(made);
    return made;
  }

  const accept = (message: Sent): void => settle(message, "accept");
  const ended = (asked: Asked): Promise<boolean> => waitFor("the trigger's end", () => asked.done.length === 1);
  const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  describe("sends", () => {
    it("each row on its own, numbered as parts of which the last knows the count, with what was on the trigger", async () => {
      const { sent, ask } = open(FakeDatabase.counting(3), {}, accept);
      const asked = ask({ payload: "go", topic: "t", more: { list: [1] }, _msgid: "m" });
      await ended(asked);
      assert.deepEqual([asked.done, asked.passed], [[undefined], []]);
      assert.deepEqual(sent.map(({ payload }) => payload), [{ id: 0 }, { id: 1 }, { id: 2 }]);
      assert.deepEqual(sent.map(({ parts }) => [parts.index, parts.count]), [[0, undefined], [1, undefined], [2, 3]]);
      assert.equal(new Set(sent.map(({ parts }) => parts.id)).size, 1);
      assert.deepEqual(sent.map(({ topic, more, sql, _msgid }) => ({ topic, more, sql, _msgid })), range(3).map(() => ({ topic: "t", more: { list: [1] }, sql: { columns: ["id"] }, _msgid: undefined })));
      assert.notEqual(sent[0]?.more, sent[1]?.more);
    });

    it("batches of so many rows, the last of them smaller", async () => {
      const { sent, ask } = open(FakeDatabase.counting(1203), { output: "batch", batchSize: 400 }, accept);
      await ended(ask());
      assert.deepEqual(sent.map(({ payload, parts }) => [(payload as { id: number }[]).length, parts.count]), [[400, undefined], [400, undefined], [400, undefined], [3, 4]]);
      assert.deepEqual(sent.flatMap(({ payload }) => (payload as { id: number }[]).map(({ id }) => id)), range(1203));
    });

    it("all rows in the message that asked for them, which goes on itself", async () => {
      const { sent, ask } = open(FakeDatabase.counting(3), { output: "all" });
      const asked = ask({ payload: "go", topic: "t", _msgid: "m", parts: { id: "p", index: 0 } });
      await ended(asked);
      assert.equal(asked.passed[0]?.[0], asked.msg);
      assert.deepEqual(asked.msg, { payload: [{ id: 0 }, { id: 1 }, { id: 2 }], topic: "t", _msgid: "m", parts: { id: "p", index: 0 }, sql: { columns: ["id"] } });
      assert.deepEqual([sent, asked.done], [[], [undefined]]);
    });

    it("an error in the place of more rows than one message may hold", async () => {
      const database = FakeDatabase.counting(5000);
      const { ask } = open(database, { output: "all", maxRows: 4999 });
      const asked = ask();
      await ended(asked);
      assert.equal(asked.done[0]?.code, "PAYLOAD_TOO_LARGE");
      assert.equal(database.open.size, 0);
    });

    for (const [output, expected] of [["row", []], ["batch", []], ["all", [[{ payload: [], sql: { columns: ["id"] } }]]]] as const) {
      it(`${output === "all" ? "an empty list" : "nothing"} with output ${output} when there are no rows, or the trigger by a second output`, async () => {
        const asked = open(FakeDatabase.counting(0), { output }).ask();
        await ended(asked);
        assert.deepEqual([asked.passed, asked.done], [expected, [undefined]]);
        const other = open(FakeDatabase.counting(0), { output, emptyOutput: true }).ask();
        await ended(other);
        assert.deepEqual([other.passed, other.done], [[[null, { payload: "go" }]], [undefined]]);
      });
    }
  });

  describe("takes as parameters", () => {
    const query = "select * from t where a = :a and b in (:b) and c = :c and d::text <> ':e'";

    it("typed inputs, else the payload's own properties", async () => {
      const database = FakeDatabase.counting(0);
      const own: Parameter[] = [{ name: "a", value: (msg) => (msg as { topic: string }).topic }, { name: "c", value: async () => 7n }];
      await ended(open(database, { query }, undefined, { own }).ask({ topic: "t", payload: { a: "not this", b: [1, "two"], more: 1, e: 5 } }));
      assert.deepEqual(database.asked[0]?.values, { a: "t", b: [1, "two"], c: 7n, e: 5 });
    });

    it("nothing from a payload's prototype, and leaves out what is not there, for the database's process to name", async () => {
      const database = FakeDatabase.counting(0);
      await ended(open(database, { query: "select :toString, :a, :__proto__" }).ask({ payload: { a: undefined } }));
      assert.deepEqual(Object.keys(database.asked[0]?.values ?? {}), []);
    });

    it("no value that a database cannot be given: the trigger fails", async () => {
      const { ask } = open(FakeDatabase.counting(1), { query });
      const asked = [ask({ payload: { a: Number.NaN } }), ask({ payload: { b: ["x\0y"] } }), ask({ payload: { a: 1 } })];
      await Promise.all(asked.slice(0, 2).map(ended));
      assert.deepEqual(asked.slice(0, 2).map(({ done }) => done[0]?.code), ["INPUT_INVALID", "INPUT_INVALID"]);
    });
  });

  describe("keeps", () => {
    it("never more rows in the flow than it may, and reads on as they are settled", async () => {
      const database = FakeDatabase.counting(50_000);
      let most = 0;
      const line: Sent[] = [];
      const { sent, ask, read } = open(database, { maxInFlight: 500 }, (message) => {
        line.push(message);
        most = Math.max(most, line.length);
      });
      const asked = ask();
      await waitFor("the flow to be full", () => line.length === 500);
      assert.ok(database.fetches <= 3, `${database.fetches} fetches`);
      while (asked.done.length === 0) {
        for (const message of line.splice(0)) settle(message, "accept");
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(most, 500);
      assert.deepEqual(sent.map(({ payload }) => (payload as { id: number }).id), range(50_000));
      assert.deepEqual(asked.done, [undefined]);
      await read.close(0);
    });

    it("the trigger open until the last row is settled", async () => {
      const { sent, ask } = open(FakeDatabase.counting(2));
      const asked = ask();
      await waitFor("both", () => sent.length === 2);
      settle(sent[0] as Sent, "accept");
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(asked.done, []);
      settle(sent[1] as Sent, "accept");
      await ended(asked);
    });

    it("triggers in line, and refuses those of no delivery above a thousand", async () => {
      const { sent, ask } = open(FakeDatabase.counting(1), { maxInFlight: 1 });
      const asked = range(1003).map(() => ask());
      assert.deepEqual(asked.filter(({ done }) => done.length > 0).map(({ done }) => done[0]?.code), ["OVERLOADED", "OVERLOADED"]);
      while (asked.some(({ done }) => done.length === 0)) {
        for (const message of sent.splice(0)) settle(message, "accept");
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(asked.filter(({ done }) => !done[0]).length, 1001);
    });
  });

  describe("when a row fails", () => {
    it("sends it again, as it was, as often as it may", async () => {
      const { sent, ask } = open(FakeDatabase.counting(1), { retries: 2, retryDelay: 1 }, (message) => {
        (message.payload as { id: number }).id += 1000;
        settle(message, message.delivery.attempt < 3 ? "retry" : "accept");
      });
      const asked = ask();
      await ended(asked);
      assert.deepEqual(asked.done, [undefined]);
      assert.deepEqual(sent.map(({ delivery, payload }) => [delivery.attempt, payload]), [1, 2, 3].map((attempt) => [attempt, { id: 1000 }]));
    });

    it("reads no further, lets the others finish, and fails the trigger with the row's error", async () => {
      const database = FakeDatabase.counting(1000);
      const { sent, ask, read } = open(database, { maxInFlight: 10 });
      const asked = ask();
      await waitFor("ten", () => sent.length === 10);
      settle(sent[3] as Sent, "dead-letter", refused);
      await waitFor("the end of reading", () => database.open.size === 0);
      assert.deepEqual([sent.length, asked.done], [10, []]);
      for (const message of sent) settle(message, "accept");
      await ended(asked);
      assert.equal(asked.done[0], refused);
      await read.close(0);
    });

    it("gives up the next attempts of its other rows: the trigger will repeat them all", async () => {
      const { sent, ask } = open(FakeDatabase.counting(3), { retries: 1, retryDelay: 60_000 });
      const asked = ask();
      await waitFor("all", () => sent.length === 3);
      settle(sent[0] as Sent, "retry");
      settle(sent[1] as Sent, "dead-letter", refused);
      settle(sent[2] as Sent, "accept");
      await ended(asked);
      assert.equal(asked.done[0], refused);
    });
  });

  describe("while the database is away", () => {
    it("holds the delivery that the trigger belongs to, and reads when it is back", async () => {
      const database = FakeDatabase.counting(1);
      database.failures.openCursor.push(away, away);
      const held: string[] = [];
      const settings = { id: "outer", settle: "node" as const, deadline: 60_000, retries: 0, retryDelay: 1, retryMaxDelay: 1 };
      const outer = new DeliverySource({ ...settings, runtime: { events } as unknown as TrackedRuntime, onSettle() {}, onHold: (reason) => held.push(reason), onResume: () => held.push("resumed"), warn() {} });
      const { ask, states } = open(database, {}, accept);
      const asked = ask({ payload: 1, delivery: outer.open("x", 1).info });
      for (let round = 0; round < 2; round += 1) {
        await waitFor("the knock", () => database.knocking.length === 1);
        assert.deepEqual(states.at(-1), { kind: "waiting", error: away });
        database.back();
      }
      await ended(asked);
      assert.deepEqual(asked.done, [undefined]);
      assert.deepEqual(held, ["connection refused", "resumed", "connection refused", "resumed"]);
      outer.close();
    });

    it("fails triggers of no delivery when they have waited as long as they may, wherever they stand", async () => {
      const database = FakeDatabase.counting(1);
      database.failures.openCursor.push(away);
      const { ask } = open(database, {}, accept, { patience: 30 });
      const asked = [ask(), ask()];
      await Promise.all(asked.map(ended));
      assert.deepEqual(asked.map(({ done }) => done[0]?.code), ["DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE"]);
      await ended(ask());
    });

    it("does not count against triggers that came meanwhile what their rows take when it is back", async () => {
      const database = FakeDatabase.counting(1);
      database.failures.openCursor.push(away);
      const { ask, sent } = open(database, {}, undefined, { patience: 60 });
      const first = ask();
      await waitFor("the knock", () => database.knocking.length === 1);
      const meanwhile = ask();
      database.back();
      await waitFor("both rows", () => sent.length === 2);
      await new Promise((resolve) => setTimeout(resolve, 120));
      assert.deepEqual([first.done, meanwhile.done], [[], []]);
      sent.forEach(accept);
      await Promise.all([ended(first), ended(meanwhile)]);
      assert.deepEqual([first.done, meanwhile.done], [[undefined], [undefined]]);
    });

    it("fails the trigger when it goes in the middle, after the rows that were sent are settled", async () => {
      const database = FakeDatabase.counting(1000);
      const { sent, ask } = open(database, { maxInFlight: 500 });
      const asked = ask();
      await waitFor("some", () => sent.length >= 100);
      database.failures.fetch.push(away);
      for (let at = 0; at < 1000 && asked.done.length === 0; at += 1) {
        for (const message of sent) settle(message, "accept");
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(asked.done[0]?.code, "DATABASE_UNAVAILABLE");
      assert.equal(new Set(sent.map(({ delivery }) => delivery.id)).size, sent.length);
    });
  });

  it("turns red with a query that cannot work, fails its trigger, and is well again with the next that does", async () => {
    const database = FakeDatabase.counting(1);
    const missing = new ConnectorError("TABLE_UNKNOWN", 'relation "t" does not exist');
    database.failures.openCursor.push(missing);
    const { ask, states } = open(database, {}, accept);
    const asked = ask();
    await ended(asked);
    assert.equal(asked.done[0], missing);
    assert.deepEqual(states.at(-1), { kind: "failed", error: missing });
    await ended(ask());
    await waitFor("the state", () => states.at(-1)?.kind === "idle");
  });

  it("takes no message whose delivery is closed, and reads nothing into an output that is not wired", async () => {
    const database = FakeDatabase.counting(1);
    const settings = { id: "outer", settle: "node" as const, deadline: 60_000, retries: 5, retryDelay: 60_000, retryMaxDelay: 60_000 };
    const outer = new DeliverySource({ ...settings, runtime: { events } as unknown as TrackedRuntime, onSettle() {}, onHold() {}, onResume() {}, warn() {} });
    const delivery = outer.open("x", 1);
    const { ask, warnings } = open(database, {}, accept, { isWired: () => false });
    const late = ask({ payload: 1, delivery: (delivery.settle({ outcome: "retry" }), delivery.info) });
    assert.deepEqual(late.done, [undefined]);
    assert.match(warnings[0] ?? "", /^DELIVERY_CLOSED/);
    const unwired = ask();
    await ended(unwired);
    assert.equal(unwired.done[0]?.code, "NOT_CONFIGURED");
    assert.deepEqual(database.asked, []);
    outer.close();
  });

  it("keeps rows for as long as nothing is wired, also those that are tried again", async () => {
    let wired = true;
    const { ask, sent } = open(FakeDatabase.counting(3), { maxInFlight: 1, retries: 1 }, undefined, { isWired: () => wired });
    const asked = ask();
    await waitFor("the first", () => sent.length === 1);
    wired = false;
    settle(sent[0] as Sent, "retry");
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual([sent.length, asked.done], [1, []]);
    wired = true;
    for (let row = 1; row <= 3; row += 1) {
      await waitFor("the next", () => sent.length === row + 1);
      accept(sent[row] as Sent);
    }
    await ended(asked);
    assert.deepEqual(asked.done, [undefined]);
  });

  it("reads no further for a delivery that is closed, for its copy will come", async () => {
    const settings = { id: "outer", settle: "node" as const, deadline: 60_000, retries: 5, retryDelay: 60_000, retryMaxDelay: 60_000 };
    const outer = new DeliverySource({ ...settings, runtime: { events } as unknown as TrackedRuntime, onSettle() {}, onHold() {}, onResume() {}, warn() {} });
    const delivery = outer.open("x", 1);
    const database = FakeDatabase.counting(1000);
    const { ask, sent } = open(database, { maxInFlight: 10 });
    const asked = ask({ payload: 1, delivery: delivery.info });
    await waitFor("ten", () => sent.length === 10);
    delivery.settle({ outcome: "retry" });
    sent.forEach(accept);
    await ended(asked);
    assert.deepEqual([sent.length, asked.done, database.open.size], [10, [undefined], 0]);
    outer.close();
  });

  it("reads a statement that changes data to its end before it sends the first row", async () => {
    const database = FakeDatabase.counting(1200);
    const { sent, ask, read } = open(database, { query: "with c as (update t set taken = 1 returning *) select * from c", maxInFlight: 1 });
    ask();
    await waitFor("the first", () => sent.length === 1);
    assert.equal(database.open.size, 0);
    await read.close(0);
  });

  describe("when it closes", () => {
    it("gives back what is not settled and what waits, and ends its cursor", async () => {
      const database = FakeDatabase.counting(1000);
      const { sent, ask, close } = open(database, { maxInFlight: 10 });
      const asked = [ask(), ask()];
      await waitFor("ten", () => sent.length === 10);
      await close();
      assert.deepEqual(asked.map(({ done }) => done[0]?.code), ["FLOW_STOPPED", "FLOW_STOPPED"]);
      assert.equal(database.open.size, 0);
      assert.equal(ask().done[0]?.code, "FLOW_STOPPED");
    });

    it("does not give back a trigger whose rows are all settled in time", async () => {
      const { sent, ask, close } = open(FakeDatabase.counting(2));
      const asked = ask();
      await waitFor("both", () => sent.length === 2);
      const closing = close();
      for (const message of sent) settle(message, "accept");
      await closing;
      assert.deepEqual(asked.done, [undefined]);
    });
  });
});
