import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { MemoryStore } from "../../../nodes/common/memory-store";
import type { Delivery } from "../../../nodes/delivery/delivery";
import { flowTracker } from "../../../nodes/delivery/tracker/flow-tracker";
import { registry, tokenOf } from "../../../nodes/delivery/tracker/registry";
import { Room } from "../../../nodes/delivery/reading/room";
import { type Parcel, RowDeliveries } from "../../../nodes/delivery/reading/row-deliveries";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { turns, waitFor } from "../../services/wait";

/** A store that can write as the process exits. */
class Disk extends MemoryStore {
  isLeft = false;

  writeAtOnce(key: string, value: unknown): void {
    void super.write(key, value);
    this.isLeft = true;
  }

  /** Nothing is written any more by a process that is gone. */
  override write(key: string, value: unknown): Promise<void> {
    return this.isLeft ? Promise.resolve() : super.write(key, value);
  }
}

describe("a message whose own code ends the process", () => {
  const nothing = (): void => undefined;
  const runtime = { events: new EventEmitter(), log: { addHandler: nothing, removeHandler: nothing }, nodes: { getNode: nothing } } as unknown as TrackedRuntime;
  let disk: Disk;
  let handed: unknown[];
  let dead: [unknown, string, number][];
  let open: Map<unknown, Delivery>;
  let rows: RowDeliveries;
  beforeEach(() => {
    disk = new Disk();
    [handed, dead, open] = [[], [], new Map()];
  });
  afterEach(() => rows.close(0));

  /** A process that reads these rows; the flow keeps those that are called slow. */
  async function live(...contents: string[]): Promise<void> {
    handed = [];
    disk.isLeft = false;
    rows = new RowDeliveries({
      settings: { settle: "flow", deadline: 60_000, retries: 0, retryDelay: 1, retryMaxDelay: 1 },
      ...{ node: { id: "rows", type: "rows" }, runtime, room: new Room(10), isWired: () => true, onHold: nothing, onResume: nothing, warn: nothing },
      send: (_output, message) => {
        const { payload } = message as { payload: string };
        handed.push(payload);
        if (!payload.startsWith("slow")) return;
        const delivery = registry.find(tokenOf(message) as string) as Delivery;
        delivery.enter();
        open.set(payload, delivery);
      },
      poison: { store: disk, key: "marks", limit: 3, trial: 20 },
    });
    await rows.begin();
    for (const payload of contents) {
      rows.hand({
        ...{ size: 1, output: 0, message: () => ({ payload }), fingerprint: () => payload, accepted: nothing, released: nothing },
        failed: ({ error, attempts }) => dead.push([payload, error.code, attempts]),
      } satisfies Parcel);
    }
    await waitFor("all to be handed over", () => handed.length + dead.length === contents.length, { interval: 5 });
  }

  /** It exits in code that runs for this one. */
  async function exit(payload?: string): Promise<void> {
    lastWords(payload);
    await rows.close(0);
  }

  function lastWords(payload?: string): void {
    const exits = process.listeners("exit").find(({ name }) => name === "exits") as (() => void) | undefined;
    const delivery = open.get(payload);
    if (delivery) flowTracker.follow(delivery, () => exits?.());
    else exits?.();
    disk.isLeft = true;
  }

  it("is found however slow the flow is, and nobody else is suspected", async () => {
    for (let life = 1; life <= 3; life += 1) {
      await live("a", "slow", "b");
      await exit("slow");
      assert.deepEqual(handed, ["a", "slow", "b"]);
    }
    await live("a", "slow", "b");
    assert.deepEqual([handed, dead], [["a", "b"], [["slow", "POISON", 3]]]);
  });

  it("is forgiven once it was settled", async () => {
    for (let life = 1; life <= 2; life += 1) {
      await live("slow");
      await exit("slow");
    }
    await live("slow");
    open.get("slow")?.leave();
    await turns(5);
    await exit();
    await live("slow");
    assert.deepEqual([handed, dead], [["slow"], []]);
  });

  it("is known also when it does so as its source closes", async () => {
    await live("slow");
    const closing = rows.close(performance.now() + 1_000);
    await turns(5);
    lastWords("slow");
    const { deaths, endedBy } = (await disk.read("marks")) as { deaths: object; endedBy?: string };
    assert.deepEqual([deaths, endedBy], [{}, "slow"]);
    open.get("slow")?.leave();
    await closing;
  });

  it("is not blamed when the code that exits belongs to no delivery", async () => {
    await live("slow");
    const before = await disk.read("marks");
    await exit();
    assert.deepEqual(await disk.read("marks"), before);
  });
});
