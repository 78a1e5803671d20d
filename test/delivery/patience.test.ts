import assert from "node:assert/strict";
import { Patience } from "../../nodes/delivery/patience";

describe("patience", () => {
  it("ends after its time, neither sooner nor later when the clock is set meanwhile", async () => {
    const clock = Date.now;
    for (const by of [-3_600_000, 3_600_000]) {
      const over: [item: string, after: number][] = [];
      const began = performance.now();
      const patience = new Patience<string>({ limit: 100, busy: () => false, onOver: (items) => over.push(...items.map((item): [string, number] => [item, performance.now() - began])) });
      try {
        patience.add("a");
        Date.now = () => clock() + by;
        await new Promise((resolve) => setTimeout(resolve, 60));
        patience.add("b");
        const end = performance.now() + 30_000;
        while (over.length < 2 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
      } finally {
        Date.now = clock;
        patience.close();
      }
      assert.deepEqual(over.map(([item]) => item), ["a", "b"]);
      assert.ok((over[1]?.[1] ?? 0) >= 150, `the second waited ${(over[1]?.[1] ?? 0) - 60} ms`);
    }
  });
});
