import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { userStore } from "../../nodes/common/user-store";

describe("what nodes keep in the user directory", () => {
  let userDir: string;
  beforeEach(() => (userDir = mkdtempSync(path.join(tmpdir(), "surewire-user-"))));
  afterEach(() => rmSync(userDir, { recursive: true, force: true }));

  it("is changed by one of two nodes that decide on the same at once, as by a copied salesforce route", async () => {
    for (let round = 0; round < 20; round += 1) {
      const key = `salesforce-route/org/cases/${round}`;
      const swapped = await Promise.all([1, 2].map((node) => userStore(userDir).swap(key, { request: node }, node, undefined)));
      assert.deepEqual(swapped.filter(Boolean).length, 1);
    }
  });

  it("is read as the previous node has left it, even if that is still writing", async () => {
    void userStore(userDir).write("position", 8);
    assert.equal(await userStore(`${userDir}/`).read("position"), 8);
    await userStore(userDir).write("position", 9);
  });

  it("is another's in another directory", async () => {
    await userStore(userDir).write("position", 8);
    assert.equal(await userStore(path.join(userDir, "other")).read("position"), undefined);
  });
});
