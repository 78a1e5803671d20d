import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { DeliverySource } from "../../../nodes/delivery/source";
import { FakeDatabase } from "./fake-database";
import { accept, away, ended, refused, settle, TriggerBench, waitFor, type Sent } from "./triggered-support";
import { remains } from "../../services/wait";

describe("sql read for a message, in trouble", () => {
  const bench = new TriggerBench();
  const open: TriggerBench["open"] = (...given) => bench.open(...given);
  afterEach(() => bench.closeAll());

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
      const outer = new DeliverySource({ ...settings, runtime: bench.runtime, onSettle() {}, onHold: (reason) => held.push(reason), onResume: () => held.push("resumed"), warn() {} });
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
      database.failures.openCursor.push(away, away); // twice: the second may have begun to wait a millisecond later, and has its turn when the first gives up
      const { ask } = open(database, {}, accept, { patience: 30 });
      const asked = [ask(), ask()];
      await Promise.all(asked.map(ended));
      assert.deepEqual(asked.map(({ done }) => done[0]?.code), ["DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE"]);
      database.failures.openCursor.length = 0;
      const later = ask();
      await ended(later);
      assert.deepEqual(later.done, [undefined]);
    });

    it("does not count against triggers that came meanwhile what their rows take when it is back", async () => {
      const database = FakeDatabase.counting(1);
      database.failures.openCursor.push(away);
      const { ask, sent } = open(database, {}, undefined, { patience: 500 });
      const first = ask();
      await waitFor("the knock", () => database.knocking.length === 1);
      const meanwhile = ask();
      database.back();
      await waitFor("both rows", () => sent.length === 2);
      await remains("both open", () => first.done.length + meanwhile.done.length === 0, 1_000);
      sent.forEach(accept);
      await Promise.all([ended(first), ended(meanwhile)]);
      assert.deepEqual([first.done, meanwhile.done], [[undefined], [undefined]]);
    });

    it("fails the trigger when it goes in the middle, after the rows that were sent are settled", async () => {
      const database = FakeDatabase.counting(3000); // twice as many as are fetched before the first are settled
      const { sent, ask } = open(database, { maxInFlight: 500 });
      const asked = ask();
      await waitFor("some", () => sent.length >= 100);
      database.failures.fetch.push(away);
      await waitFor("its end", () => {
        for (const message of sent) settle(message, "accept");
        return asked.done.length > 0;
      });
      assert.equal(asked.done[0]?.code, "DATABASE_UNAVAILABLE");
      assert.equal(new Set(sent.map(({ delivery }) => delivery.id)).size, sent.length);
    });
  });

  for (const missing of [new ConnectorError("TABLE_UNKNOWN", 'relation "t" does not exist'), new ConnectorError("DATABASE_REFUSED", "permission denied for table t", { details: { statement: true } })]) {
    it(`turns red with a query that cannot work (${missing.code}), fails its trigger, and is well again with the next that does`, async () => {
      const database = FakeDatabase.counting(1);
      database.failures.openCursor.push(missing);
      const { ask, states } = open(database, {}, accept);
      const asked = ask();
      await ended(asked);
      assert.equal(asked.done[0], missing);
      assert.deepEqual(states.at(-1), { kind: "failed", error: missing });
      await ended(ask());
      await waitFor("the state", () => states.at(-1)?.kind === "idle");
    });
  }

  it("takes no message whose delivery is closed, and reads nothing into an output that is not wired", async () => {
    const database = FakeDatabase.counting(1);
    const settings = { id: "outer", settle: "node" as const, deadline: 60_000, retries: 5, retryDelay: 60_000, retryMaxDelay: 60_000 };
    const outer = new DeliverySource({ ...settings, runtime: bench.runtime, onSettle() {}, onHold() {}, onResume() {}, warn() {} });
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
    await remains("nothing sent, nothing done", () => sent.length === 1 && asked.done.length === 0, 60);
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
    const outer = new DeliverySource({ ...settings, runtime: bench.runtime, onSettle() {}, onHold() {}, onResume() {}, warn() {} });
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

  it("has its full room again after a delivery was closed while some of its rows were in the flow and others waited for another try", async () => {
    const settings = { id: "outer", settle: "node" as const, deadline: 60_000, retries: 5, retryDelay: 60_000, retryMaxDelay: 60_000 };
    const outer = new DeliverySource({ ...settings, runtime: bench.runtime, onSettle() {}, onHold() {}, onResume() {}, warn() {} });
    const delivery = outer.open("x", 1);
    const { ask, sent, states } = open(FakeDatabase.counting(1000), { maxInFlight: 10, retries: 1, retryDelay: 60_000 });
    const asked = ask({ payload: 1, delivery: delivery.info });
    await waitFor("ten", () => sent.length === 10);
    for (const message of sent.slice(5)) settle(message, "retry");
    delivery.settle({ outcome: "release" });
    await ended(asked);
    await waitFor("its end", () => states.at(-1)?.kind === "idle");
    assert.deepEqual(states.at(-1), { kind: "idle", inFlow: 0 });
    outer.close();
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
