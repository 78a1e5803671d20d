import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { inRequests } from "../../../nodes/sql/write/in-requests";

const MiB = 1024 * 1024;

describe("Items on their way to the database's process", () => {
  let requests: number[][] = [];
  const store = (sizes: number[]): Promise<string[]> => {
    requests.push(sizes);
    return sizes.includes(13 * MiB) ? Promise.reject(new ConnectorError("DATABASE_UNAVAILABLE", "it is away")) : Promise.resolve(sizes.map((size) => size === 12 * MiB ? "left" : `stored ${size}`));
  };
  const write = (...sizes: number[]): Promise<string[]> => inRequests(sizes, (size) => size, store, { refuse: ({ code }) => code, isLeft: (outcome) => outcome === "left" });
  beforeEach(() => void (requests = []));

  it("go in one request as long as they are small", async () => {
    assert.deepEqual(await write(1, 2, 16 * MiB - 3), ["stored 1", "stored 2", `stored ${16 * MiB - 3}`]);
    assert.equal(requests.length, 1);
  });

  it("go one after the other where they are large, in their order", async () => {
    const sizes = [10 * MiB, 6 * MiB, 1, 20 * MiB, 2];
    assert.deepEqual(await write(...sizes), sizes.map((size) => `stored ${size}`));
    assert.deepEqual(requests, [[10 * MiB, 6 * MiB], [1], [20 * MiB], [2]]);
  });

  it("are not repeated when others behind them fail", async () => {
    assert.deepEqual(await write(16 * MiB, 13 * MiB, 1, 16 * MiB), [`stored ${16 * MiB}`, ...Array<string>(3).fill("DATABASE_UNAVAILABLE")]);
    assert.equal(requests.length, 2);
    await assert.rejects(write(13 * MiB, 16 * MiB), { code: "DATABASE_UNAVAILABLE" });
  });

  it("do not overtake one that was postponed", async () => {
    assert.deepEqual(await write(1, 12 * MiB, 10 * MiB, 10 * MiB), ["stored 1", "left", "left", "left"]);
    assert.equal(requests.length, 1);
  });
});
