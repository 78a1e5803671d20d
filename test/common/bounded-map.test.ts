import assert from "node:assert/strict";
import { BoundedMap } from "../../nodes/common/bounded-map";

describe("a bounded map", () => {
  it("forgets what was added first", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1).set("b", 2).set("a", 3);
    assert.deepEqual([...map], [["a", 3], ["b", 2]]);
    map.set("c", 4);
    assert.deepEqual([...map.keys()], ["b", "c"]);
  });
});
