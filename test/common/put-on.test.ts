import assert from "node:assert/strict";
import { putOn } from "../../nodes/common/put-on";

describe("what is put on a message", () => {
  it("is put on the message itself", () => {
    const message = { payload: 1 };
    assert.equal(putOn(message, { sql: "stored" }), message);
    assert.deepEqual(message, { payload: 1, sql: "stored" });
  });

  const ways: [how: string, close: (message: object) => object][] = [
    ["frozen", Object.freeze],
    ["sealed", Object.seal],
    ["closed to more", Object.preventExtensions],
  ];
  for (const [how, close] of ways) {
    it(`is put on a copy of one that is ${how}`, () => {
      const message = close({ payload: 1 });
      assert.deepEqual(putOn(message, { sql: "stored" }), { payload: 1, sql: "stored" });
      assert.deepEqual(message, { payload: 1 });
    });
  }
});
