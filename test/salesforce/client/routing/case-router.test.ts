import assert from "node:assert/strict";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import type { RouteItem } from "../../../../nodes/salesforce/client/routing/case-router";
import { LONGEST_WAIT } from "../../../../nodes/salesforce/client/routing/decide";
import type { Interaction } from "../../../../nodes/salesforce/client/routing/interaction";
import type { Outgoing } from "../../../../nodes/salesforce/client/routing/outgoing";
import { readSignal } from "../../../../nodes/salesforce/client/routing/signal";
import { entriesOf } from "../../../common/shared-store";
import { ANN, CASE, inShort, mailOf, OTHERS, PUMPS, TIMEOUT, VALVES, World } from "./case-world";

describe("the router, killed at any moment", () => {
  let world: World;
  beforeEach(() => (world = new World()));

  async function opened(): Promise<void> {
    await world.settle(world.event("CREATE"), "a");
    await world.settle(world.answer("created", "I1"), "b");
  }

  it("puts a request out again whose event comes again, and not a third time", async () => {
    const event = world.event("CREATE");
    assert.deepEqual(await world.take(event, "t1"), ["create new r1"]);
    world.killed();
    assert.deepEqual(await world.settle(event, "t2"), ["create new r1"]);
    assert.deepEqual(await world.settle(event, "t3"), []);
  });

  it("but leaves it to the time-out when it may be in the flow of another instance", async () => {
    const event = world.event("CREATE");
    await world.take(event, "t1");
    world.killed();
    world.isAlone = false;
    assert.deepEqual(await world.settle(event, "t2"), []);
    world.now += TIMEOUT;
    assert.deepEqual(inShort(await world.look()), ["create new r1"]);
  });

  it("puts no request out again that was answered, or whose case is done with meanwhile", async () => {
    const event = world.event("CREATE");
    await world.take(event, "t1");
    await world.take(world.answer("created", "I1"), "t2");
    world.killed();
    assert.deepEqual(await world.settle(event, "t3"), []);

    world = new World();
    const again = world.event("CREATE");
    await world.take(again, "t1");
    world.isClosed = true;
    await world.settle(world.event("UPDATE"), "t2");
    world.killed();
    assert.deepEqual(await world.settle(again, "t3"), []);
  });

  it("puts a disconnect out again whose event comes again", async () => {
    await opened();
    world.isClosed = true;
    const event = world.event("UPDATE", ["Status"]);
    assert.deepEqual(await world.take(event, "t1"), ["disconnect closed I1"]);
    world.killed();
    assert.deepEqual(await world.settle(event, "t2"), ["disconnect closed I1"]);
    assert.deepEqual(await world.settle(event, "t3"), []);
  });

  it("puts a disconnect out again whose event does not, until one has left the flow", async () => {
    await opened();
    world.isClosed = true;
    await world.take(world.event("UPDATE", ["Status"]), "t1");
    let again: Outgoing[] = [];
    for (let kills = 0; kills < 3; kills += 1) {
      world.killed();
      world.now += TIMEOUT;
      again = await world.look();
      assert.deepEqual(inShort(again), ["disconnect closed I1"]);
    }
    await world.router.settled(again[0] as Outgoing, "taken");
    world.now += TIMEOUT;
    assert.deepEqual(await world.look(), []);
    assert.deepEqual(await world.kept(), []);
  });

  it("puts it out again at once, however often the node was stopped with it", async () => {
    await opened();
    world.isClosed = true;
    for (let deploys = 0; deploys < 3; deploys += 1) {
      const [one] = await world.look(deploys === 0 ? "missed" : "due");
      assert.ok(one, `after ${deploys} deploys`);
      await world.router.settled(one, "given back");
    }
  });

  it("disconnects an interaction that nobody was told to, also when its case came back and is done with meanwhile", async () => {
    await opened();
    world.isClosed = true;
    assert.deepEqual(inShort(await world.look("missed")), ["disconnect closed I1"]);
    world.killed();
    world.isClosed = false;
    assert.deepEqual(await world.settle(world.event("UPDATE", ["IsClosed"]), "t1"), ["create queue r2"]);
    world.isClosed = true;
    await world.settle(world.event("UPDATE", ["IsClosed"]), "t2");
    await world.settle(world.answer("failed", ""), "t3");
    world.now += TIMEOUT;
    assert.deepEqual(inShort(await world.look()), ["disconnect closed I1"]);
    await world.settle(world.answer("ended", "I1"), "t4");
    assert.deepEqual(await world.kept(), []);
  });

  describe("with an update that no event has led to", () => {
    let update: Outgoing;
    beforeEach(async () => {
      await opened();
      world.owner = ANN;
      await world.settle(world.event("UPDATE", []), "c");
      world.owner = PUMPS;
      const [found] = await world.look("missed");
      assert.ok(found);
      assert.equal(found.payload.action, "update");
      update = found;
    });

    it("puts it out again", async () => {
      world.killed();
      world.now += TIMEOUT;
      assert.deepEqual(inShort(await world.look()), ["update queue r1"]);
    });

    it("at once when the node was stopped with it", async () => {
      await world.router.settled(update, "given back");
      assert.deepEqual(inShort(await world.look()), ["update queue r1"]);
    });

    it("but not when it has left the flow", async () => {
      await world.router.settled(update, "taken");
      world.now += TIMEOUT;
      assert.deepEqual(await world.look(), []);
    });
  });

  it("but takes one that has left the flow for done when no answer comes", async () => {
    await opened();
    world.isClosed = true;
    await world.settle(world.event("UPDATE", ["Status"]), "t1");
    world.now += TIMEOUT;
    assert.deepEqual(await world.look(), []);
    assert.deepEqual(await world.kept(), []);
  });

  it("disconnects an interaction at once whose case is done with by now, though no event has said so", async () => {
    await world.settle(world.event("CREATE"), "a");
    world.isClosed = true;
    assert.deepEqual(await world.settle(world.answer("created", "I1"), "b"), ["disconnect closed I1"]);
  });

  it("disconnects a second interaction again whose answer comes again", async () => {
    await opened();
    const answer = world.answer("created", "I2");
    assert.deepEqual(await world.take(answer, "t1"), ["disconnect duplicate I2"]);
    world.killed();
    assert.deepEqual(await world.settle(answer, "t2"), ["disconnect duplicate I2"]);
  });

  it("puts an update out again whose event comes again, however many of the case's others are in the flow", async () => {
    await opened();
    world.owner = VALVES;
    const event = world.event("UPDATE", ["OwnerId"]);
    assert.deepEqual(await world.take(event, "t0"), ["update queue r1"]);
    for (let mail = 1; mail <= 12; mail += 1) assert.deepEqual(await world.take(mailOf(mail), `t${mail}`), ["update email r1"]);
    world.killed();
    assert.deepEqual(await world.settle(event, "t13"), ["update queue r1"]);
  });

  it("remembers no more than the last signals of a case when those before are done with", async () => {
    await opened();
    for (let mail = 1; mail <= 20; mail += 1) await world.settle(mailOf(mail), `t${mail}`);
    const [kept] = await entriesOf(world.store, "r/");
    assert.equal((kept?.value as Interaction).handled.length, 8);
  });

  it("does not repeat what was done before it was killed", async () => {
    const event = world.event("CREATE");
    await world.settle(event, "t1");
    await world.settle(world.answer("created", "I1"), "t2"); // writes down that the first is done
    const mail = mailOf(1);
    assert.deepEqual(await world.settle(mail, "t3"), ["update email r1"]);
    world.owner = OTHERS;
    await world.take(world.event("UPDATE", ["OwnerId"]), "t4");
    world.killed();
    assert.deepEqual([await world.settle(event, "t5"), await world.settle(mail, "t6")], [[], []]);
  });
});

describe("two routers on one store, one of them killed at any moment", () => {
  const mail = mailOf(1);
  let first: World;
  let second: World;
  beforeEach(async () => {
    const store = new MemoryStore();
    first = new World(store, true);
    second = new World(store, true);
    first.isAlone = second.isAlone = false;
    await first.settle(first.event("CREATE"), "a");
    await first.settle(first.answer("created", "I1"), "b");
  });

  /** What the second puts out by itself, when it has read what is kept. */
  async function lookLater(later: number): Promise<Outgoing[]> {
    second.now += later;
    await second.records.load();
    return second.records.due(second.now).length > 0 ? second.look() : [];
  }

  it("put an update out again when its time is up, and not a third time", async () => {
    assert.deepEqual(await first.take(mail, "t1"), ["update email r1"]);
    assert.deepEqual(await second.settle(mail, "t2"), [], "it may be in the flow of the first");
    assert.deepEqual(await lookLater(TIMEOUT - 1), []);
    const [one, ...more] = await lookLater(1);
    assert.ok(one);
    assert.deepEqual([inShort([one]), more], [["update email r1"], []]);
    await second.router.settled(one, "taken");
    assert.deepEqual(await lookLater(TIMEOUT), []);
    assert.deepEqual(await second.settle(mail, "t3"), []);
  });

  it("put all out again that are owed, however many there are", async () => {
    for (let one = 1; one <= 12; one += 1) assert.deepEqual(await first.take(mailOf(one), `t${one}`), ["update email r1"]);
    assert.deepEqual(inShort(await lookLater(TIMEOUT)), new Array(12).fill("update email r1"));
  });

  it("put it out again until it has reached the end of a flow", async () => {
    await first.take(mail, "t1");
    const [one] = await lookLater(TIMEOUT);
    assert.ok(one);
    assert.deepEqual(inShort(await lookLater(TIMEOUT)), ["update email r1"], "killed, too, or failed");
    await second.router.settled(one, "given back");
    assert.deepEqual(inShort(await lookLater(0)), ["update email r1"]);
  });

  it("tell the work group that a case has come to once more where the update to the one before was in the flow for longer", async () => {
    first.owner = second.owner = VALVES;
    assert.deepEqual(await first.take(first.event("UPDATE", ["OwnerId"]), "t1"), ["update queue r1"]);
    first.owner = second.owner = PUMPS;
    assert.deepEqual(await second.settle(second.event("UPDATE", ["OwnerId"]), "t2"), ["update queue r1"]);
    first.tokens.set("t1", "over");
    await first.router.tend();
    const [one, ...more] = await lookLater(0);
    assert.ok(one);
    assert.deepEqual([inShort([one]), one.payload.workgroup, one.payload.previousWorkgroup, more], [["update queue r1"], "wg", "wg.valves", []]);
    await second.router.settled(one, "taken");
    assert.deepEqual(await lookLater(TIMEOUT), []);
  });

  it("put it out at once by who has taken over from the first", async () => {
    await first.take(mail, "t1");
    second.isAlone = true;
    await second.records.load();
    assert.deepEqual(second.records.owed, [CASE]);
    assert.deepEqual(inShort(await second.look()), ["update email r1"]);
    assert.deepEqual(await second.settle(mail, "t2"), []);
  });

  it("do not put out again what has reached its end", async () => {
    await first.settle(mail, "t1");
    await first.router.tend();
    assert.deepEqual(await lookLater(TIMEOUT), []);
    assert.deepEqual(second.records.owed, []);
  });

  it("nor what is still in the flow of an instance that lives", async () => {
    await first.take(mail, "t1");
    for (let turn = 0; turn < 6; turn += 1) {
      first.now += TIMEOUT / 2;
      await first.router.tend();
      assert.deepEqual(await lookLater(TIMEOUT / 2), []);
    }
    first.tokens.set("t1", "over");
    await first.router.tend();
    assert.deepEqual(await lookLater(TIMEOUT), []);
  });

  it("nor an update of a case that is done with meanwhile", async () => {
    await first.take(mail, "t1");
    second.isClosed = true;
    await second.settle(second.event("UPDATE"), "t2");
    assert.deepEqual((await lookLater(TIMEOUT)).filter(({ payload }) => payload.action === "update"), []);
  });

  describe("disconnect the interaction of a case that has come back before anybody was told of its end", () => {
    beforeEach(async () => {
      first.isClosed = true;
      assert.deepEqual(await first.take(first.event("UPDATE"), "t1"), ["disconnect closed I1"]);
      assert.deepEqual(await second.settle(second.event("UPDATE", ["IsClosed"]), "t2"), ["create queue r1"]);
    });

    it("once", async () => {
      await second.settle(second.answer("created", "I2"), "t3");
      const [one, ...more] = await lookLater(TIMEOUT);
      assert.ok(one);
      assert.deepEqual([inShort([one]), more], [["disconnect closed I1"], []]);
      await second.router.settled(one, "taken");
      assert.deepEqual(await lookLater(TIMEOUT), []);
    });

    it("but not when it has ended", async () => {
      await second.settle(second.answer("ended", "I1"), "t3");
      await second.settle(second.answer("created", "I2"), "t4");
      assert.deepEqual(await lookLater(TIMEOUT), []);
    });
  });

  it("disconnect what a look at all cases has found to be closed, and that has come back", async () => {
    first.isClosed = true;
    assert.deepEqual(inShort(await first.look("missed")), ["disconnect closed I1"]);
    assert.deepEqual(await second.settle(second.event("UPDATE", ["IsClosed"]), "t2"), ["create queue r1"]);
    await second.settle(second.answer("created", "I2"), "t3");
    assert.deepEqual(inShort(await lookLater(TIMEOUT)), ["disconnect closed I1"]);
  });

  it("but not when its disconnect leaves the flow after all", async () => {
    first.isClosed = true;
    const [one] = await first.look("missed");
    assert.ok(one);
    await second.settle(second.event("UPDATE", ["IsClosed"]), "t2");
    await first.router.settled(one, "taken");
    await second.settle(second.answer("created", "I2"), "t3");
    assert.deepEqual(await lookLater(TIMEOUT), []);
  });

  it("disconnect a second interaction again", async () => {
    const answer = first.answer("created", "I2");
    assert.deepEqual(await first.take(answer, "t1"), ["disconnect duplicate I2"]);
    assert.deepEqual(await second.settle(answer, "t2"), []);
    assert.deepEqual(inShort(await lookLater(TIMEOUT)), ["disconnect duplicate I2"]);
  });
});

describe("two routers at one case, of which one has asked the org before the other", () => {
  let slow: World;
  let fast: World;
  beforeEach(() => {
    const store = new MemoryStore();
    slow = new World(store, true);
    fast = new World(store, true);
  });

  it("do not forget a case that has come back to its queue meanwhile", async () => {
    slow.owner = OTHERS;
    slow.meanwhile = async () => {
      slow.owner = PUMPS;
      assert.deepEqual(await fast.settle(fast.event("UPDATE", ["OwnerId"]), "f1"), ["create queue r1"]);
    };
    assert.deepEqual(await slow.settle(slow.event("UPDATE", ["OwnerId"]), "s1"), []);
    assert.equal(((await slow.store.read(`r/${CASE}`)) as { ending?: string }).ending, undefined);
  });

  it("nor when the one looks at all cases while the other hears of one", async () => {
    await fast.settle(fast.event("CREATE"), "f1");
    await fast.settle(fast.answer("created", "I1"), "f2");
    await fast.settle(fast.answer("ended", "I1"), "f3");
    slow.isClosed = true;
    slow.meanwhile = async () => {
      slow.isClosed = false;
      assert.deepEqual(await fast.settle(fast.event("CREATE"), "f4"), []);
      fast.owner = ANN;
      await fast.settle(fast.event("UPDATE", ["OwnerId"]), "f5"); // she has taken it herself
      slow.owner = ANN;
    };
    assert.deepEqual(await slow.look("missed"), []);
    assert.equal(((await slow.store.read(`r/${CASE}`)) as { state?: string } | undefined)?.state, "idle");
  });
});

describe("the router, of its own accord", () => {
  let world: World;
  beforeEach(() => (world = new World()));

  it("waits at most an hour for an answer, however often it has asked", async () => {
    await world.take(world.event("CREATE"), "t1");
    world.killed();
    for (let attempt = 2; attempt < 30; attempt += 1) {
      const { due = 0 } = (await world.store.read(`r/${CASE}`)) as { due?: number };
      assert.ok(due - world.now <= LONGEST_WAIT, `it waits for ${due - world.now} ms`);
      world.now = due;
      const [one] = await world.look();
      assert.ok(one);
      await world.router.settled(one, "taken");
    }
  });

  it("puts out at the next look what it could not put together", async () => {
    await world.take(world.event("CREATE"), "t1");
    world.killed();
    world.owner = ANN;
    world.now += TIMEOUT;
    world.agentsAreAway = true;
    await assert.rejects(world.look(), { code: "ORG_UNAVAILABLE" });
    world.agentsAreAway = false;
    assert.deepEqual(inShort(await world.look()), ["create new r1"]);
  });

  it("has not looked at cases that were missed while what becomes of them cannot be kept", async () => {
    class FullStore extends MemoryStore {
      override swap(): Promise<boolean> {
        return Promise.reject(new Error("disk full"));
      }
    }
    await assert.rejects(new World(new FullStore()).look("missed"), { code: "STORE_UNAVAILABLE" });
  });

  it("tells whoever made an interaction that nobody needs any more, in the work group of the case", async () => {
    world.isClosed = true;
    const item: RouteItem = { signal: readSignal(world.answer("created", "I1")), msg: {}, steps: new Map() };
    const [result] = await world.router.write([item]);
    assert.ok(result?.ok);
    assert.deepEqual(result.value.outgoing.map(({ payload }) => [payload.reason, payload.workgroup, payload.queue]), [["late", "wg", "Pumps"]]);
  });
});
