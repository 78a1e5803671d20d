import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, askToken, assertError, http } from "./helpers";

/** What a client that is mistaken, or means harm, sends: a refusal each time, never an error of the emulator's own, nor a wait. */
describe("bad input", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator();
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
    await api.create("Account", { Name: "Acme" });
  });
  after(() => emulator.stop());

  const find = (sosl: string) => api.get(`/search?q=${encodeURIComponent(sosl)}`);

  describe("of queries and searches", () => {
    it("refuses what the parser takes and the org does not", async () => {
      assertError(await api.query("SELECT Id, (SELECT Id FROM Contacts), (SELECT Name FROM Contacts) FROM Account"), 400, "MALFORMED_QUERY", /same aggregate relationship twice/);
      assertError(await api.query("SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:99999999999"), 400, "MALFORMED_QUERY", /LAST_N_DAYS/);
      assertError(await find("FIND {nobody} RETURNING Account(Name WHERE Name != null GROUP BY Name)"), 400, "MALFORMED_SEARCH", /group/);
    });

    it("searches all objects but links of files, which have no text", async () => {
      const { status, body } = await find("FIND {acme}");
      assert.deepEqual([status, body.searchRecords?.length], [200, 1], JSON.stringify(body));
    });

    it("compares patterns with many wildcards at once", async () => {
      await api.create("Account", { Name: "a".repeat(200) });
      const started = performance.now();
      assert.equal((await api.query(`SELECT Id FROM Account WHERE Name LIKE '${"%a".repeat(30)}%b'`)).body.totalSize, 0);
      assert.equal((await api.query(`SELECT Id FROM Account WHERE Name LIKE '${"%a".repeat(30)}%_a'`)).body.totalSize, 1);
      assert.equal((await find(`FIND {${"a*".repeat(30)}b}`)).body.searchRecords.length, 0);
      assert.equal((await find(`FIND {a${"*a".repeat(30)}}`)).body.searchRecords.length, 1);
      assert.ok(performance.now() - started < 1000);
    });
  });
});
