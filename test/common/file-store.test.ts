import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { FileStore } from "../../nodes/common/file-store";
import { entriesOf, itIsShared } from "./shared-store";

describe("the file store", () => {
  let folder: string;
  let store: FileStore;

  beforeEach(() => {
    folder = path.join(mkdtempSync(path.join(tmpdir(), "surewire-store-")), "surewire");
    store = new FileStore(folder);
  });
  afterEach(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

  it("knows nothing at first", async () => assert.equal(await store.read("a"), undefined));

  it("gives back what was written, to another instance as well", async () => {
    await store.write("stream/a b/q", { offset: 7 });
    assert.deepEqual(await store.read("stream/a b/q"), { offset: 7 });
    assert.deepEqual(await new FileStore(folder).read("stream/a b/q"), { offset: 7 });
  });

  it("names the file that cannot be read", async () => {
    await store.write("a", 1);
    const file = path.join(folder, "a.json");
    writeFileSync(file, "{");
    await assert.rejects(new FileStore(folder).read("a"), (error: Error) => error.message.startsWith(`${file} is not JSON: `));
  });

  it("keeps the last of many writes, and reads it while it is still being written", async () => {
    const writes = Array.from({ length: 100 }, (_, index) => store.write("a", index));
    assert.equal(await store.read("a"), 99);
    await Promise.all(writes);
    assert.equal(await new FileStore(folder).read("a"), 99);
  });

  it("forgets what is removed, and can be told twice", async () => {
    await store.write("a", 1);
    await Promise.all([store.remove("a"), store.remove("a")]);
    assert.equal(await store.read("a"), undefined);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("leaves no half-written file, and lets only its user read", async () => {
    await store.write("a", 1);
    assert.deepEqual(readdirSync(folder), ["a.json"]);
    assert.equal(statSync(path.join(folder, "a.json")).mode & 0o077, 0);
  });

  it("writes at once when the process exits, even with a key that is too long for a file name", () => {
    for (const key of ["a", "k".repeat(300)]) {
      store.writeAtOnce(key, { seen: 1 });
      const [file = ""] = readdirSync(folder).filter((name) => name.startsWith(key[0] as string));
      assert.equal(readFileSync(path.join(folder, file), "utf8").split("\n")[0], '{"seen":1}');
      assert.equal(statSync(path.join(folder, file)).mode & 0o077, 0);
    }
    assert.equal(readdirSync(folder).length, 2);
  });

  it("tells when it cannot write, and works again when it can", async () => {
    writeFileSync(folder, "a file where the folder should be");
    await assert.rejects(store.write("a", 1));
    rmSync(folder);
    await store.write("a", 2);
    assert.equal(await store.read("a"), 2);
  });

  it("tells when what is there cannot be read", async () => {
    await store.write("a", 1);
    writeFileSync(path.join(folder, "a.json"), "{");
    await assert.rejects(store.read("a"), SyntaxError);
  });

  it("takes keys longer than a file's name may be", async () => {
    const [one, other] = [`stream/${"ü".repeat(255)}1`, `stream/${"ü".repeat(255)}2`];
    await Promise.all([store.write(one, 1), store.write(other, 2)]);
    assert.deepEqual([await store.read(one), await store.read(other)], [1, 2]);
  });

  it("keeps a key inside its folder", async () => {
    await store.write("../../outside", 1);
    assert.deepEqual(readdirSync(path.dirname(folder)), ["surewire"]);
  });

  it("keeps a fence beside the value, and reads a file without one", async () => {
    await store.writeFenced("a", { offset: 1 }, 7);
    assert.equal(readFileSync(path.join(folder, "a.json"), "utf8"), '{"offset":1}\n7');
    writeFileSync(path.join(folder, "a.json"), '{"offset":2}');
    assert.deepEqual(await store.readFenced("a"), { value: { offset: 2 }, fence: 0 });
  });

  it("does not take other files for keys", async () => {
    await store.write("a", 1);
    for (const name of ["%E0%A4%A.json", "notes.txt", "b.json.new"]) writeFileSync(path.join(folder, name), "");
    assert.deepEqual((await entriesOf(store, "")).map(({ key }) => key), ["a"]);
  });

  let shared: string;
  before(() => (shared = mkdtempSync(path.join(tmpdir(), "surewire-store-"))));
  after(() => rmSync(shared, { recursive: true, force: true }));
  itIsShared(() => new FileStore(shared));
});
