import assert from "node:assert/strict";
import { CLASSIC, range, RedriveBench } from "./redrive-support";
import { unique } from "../support";

/** More than is on its way at once, so that several consumers of a run have them. */
const MANY = 900;

describe("the order of a dead-letter queue", function () {
  this.timeout(60_000);
  let bench: RedriveBench;

  before(async () => {
    bench = await RedriveBench.open();
  });
  after(() => bench.close());

  for (const type of ["classic", "quorum"]) {
    describe(`of type ${type}`, () => {
      async function many(): Promise<{ queue: string; dlq: string }> {
        const queue = await bench.plain.makeQueue(unique("order"), CLASSIC);
        const dlq = await bench.plain.makeQueue(`${queue}.dlq`, { "x-queue-type": type });
        await bench.die(queue, range(MANY));
        return { queue, dlq };
      }

      it("is the same after looks at all of them, and all go back in it", async () => {
        const { queue, dlq } = await many();
        for (const found of [MANY, MANY]) assert.equal((await bench.redrive(dlq, { order: { dryRun: true } })).found, found);
        assert.equal((await bench.redrive(dlq)).moved, MANY);
        assert.deepEqual(await bench.contents(queue), range(MANY));
      });

      it("is the same after a run whose filter left some out", async () => {
        const { queue, dlq } = await many();
        const even = (content: unknown): boolean => Number(content) % 2 === 0;
        await bench.redrive(dlq, { filter: ({ payload }) => even(payload) });
        assert.deepEqual(await bench.contents(dlq), range(MANY).filter((content) => !even(content)));
        assert.deepEqual(await bench.contents(queue), range(MANY).filter(even));
      });

      // a quorum queue without a delivery limit puts behind the others what is given back
      it(`is ${type === "classic" ? "the same" : "that of a ring"} after a run that has not seen all`, async () => {
        const { dlq } = await many();
        await bench.redrive(dlq, { order: { limit: 10 }, filter: ({ payload }) => Number(payload) >= 300 });
        const left = await bench.contents(dlq);
        const first = left.indexOf("0");
        if (type === "classic") assert.equal(first, 0);
        assert.deepEqual([...left.slice(first), ...left.slice(0, first)], range(MANY).filter((content) => Number(content) < 300 || Number(content) >= 310));
      });
    });
  }
});
