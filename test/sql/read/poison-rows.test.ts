import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { MemoryStore } from "../../../nodes/common/memory-store";
import type { ReadDef } from "../../../nodes/sql/read/settings";
import { MARKS, range, settle, waitFor, type Sent } from "./poll-support";
import { BY_ID, WatermarkSuite } from "./watermark-support";

const WAYS: [string, Partial<ReadDef>][] = [
  ["polled by a watermark", BY_ID],
  ["marked by a statement after it", { query: "select id from t where device = 'press' order by id", keyColumn: "id", afterRead: "update t set device = 'done' where id = :id" }],
];

describe("a row that ends Node-RED", () => {
  const suite = new WatermarkSuite();

  for (const [how, def] of WAYS) {
    it(`${how} is put out as a dead letter at its third end, and all others go through`, async () => {
      await suite.insert(range(1, 61));
      let store = new MemoryStore();
      const dead: Sent[] = [];
      const worked = new Set<number>();
      let deaths = 0;
      for (let ended = true; ended; ) {
        ended = false;
        const node = await suite.bench.open({ ...def, maxInFlight: 20 }, answer, { store });
        await waitFor("the end of the process or of its work", () => ended || (worked.size === 59 && dead.length > 0));
        if (!ended) await waitFor("the end of the trials", async () => Object.values((await store.read(MARKS) as { deaths: object }).deaths).every(({ buried }: { buried?: boolean }) => buried));
        const left = ended ? await copied(store) : store;
        await node.close();
        store = left;
        deaths += ended ? 1 : 0;
        assert.ok(deaths < 20, "it must come to an end");
        function answer(message: Sent): void {
          const { id } = message.payload as { id: number };
          if (ended) return;
          if (message.output === 1) dead.push(message);
          else if (id === 42) ended = true;
          else worked.add(id);
          setImmediate(() => {
            if (!ended) settle(message, "accept");
          });
        }
      }
      assert.equal(deaths, 3);
      assert.deepEqual(dead.map(({ payload, error }) => [(payload as { id: number }).id, error?.code, error?.attempts]), [[42, "POISON", 3]]);
      assert.equal(await store.read(MARKS), undefined);
    });
  }

  it("is still known when the store was away as Node-RED started", async () => {
    await suite.insert(range(1, 2));
    const store = new MemoryStore();
    await store.write(MARKS, { running: true, deaths: {}, inHand: [] });
    const read = store.read.bind(store);
    const away = new ConnectorError("STORE_UNAVAILABLE", "away", { cause: new ConnectorError("DATABASE_UNAVAILABLE", "away") });
    let isAway = true;
    store.read = (key) => (isAway ? Promise.reject(away) : read(key));
    const { sent, states } = await suite.bench.open(WAYS[1]?.[1] ?? {}, undefined, { store });
    await waitFor("the trouble", () => states.some(({ kind }) => kind === "waiting"));
    isAway = false;
    await waitFor("the row", () => sent.length === 1);
    const { inHand } = (await read(MARKS)) as { inHand: string[] };
    assert.equal(inHand.length, 1, "it is tried");
    settle(sent[0] as Sent, "accept");
  });

  it("is reported as being searched for while those that came with it are tried", async () => {
    await suite.insert(range(1, 2));
    const store = new MemoryStore();
    await store.write(MARKS, { running: true, deaths: {}, inHand: [] });
    const { sent, states } = await suite.bench.open(BY_ID, undefined, { store });
    await waitFor("it", () => sent.length === 1);
    assert.deepEqual(states.at(-1), { kind: "holding", reason: "looks for a message that ends Node-RED" });
    settle(sent[0] as Sent, "accept");
    await waitFor("all as ever", () => states.at(-1)?.kind === "idle");
  });
});

async function copied(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const entries of store.entries("")) for (const { key, value } of entries) await copy.write(key, value);
  return copy;
}
