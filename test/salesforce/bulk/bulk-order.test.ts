import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import { ConnectorError } from "../../../nodes/common/errors";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { BulkWrite } from "../../../nodes/salesforce/bulk/bulk-write";
import { readSettings, type WriteSettings } from "../../../nodes/salesforce/bulk/settings";
import { callError } from "../../../nodes/salesforce/client/errors";
import { waitFor } from "../../services/wait";
import { clientCredentials, EXTERNAL_ID, Orgs } from "../support";

describe("Rows of one record, each of a message of its own,", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let write: BulkWrite | undefined;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(async () => {
    await write?.close();
    await orgs.stop();
  });

  /** Gives each row by a message of its own, and waits until all are in the org. */
  async function load(def: object, rows: object[]): Promise<void> {
    const settings = readSettings({ org: "org", object: "Case", pollInterval: 5, linger: 10, ...def } as never) as WriteSettings;
    const client = orgs.client(clientCredentials(org));
    write = new BulkWrite({
      ...{ settings, org: client, store: new MemoryStore(), node: "bulk", isWired: () => false, warn: () => undefined, onState: () => undefined },
      rows: (msg) => (msg as { payload: object }).payload,
      identity: () => undefined,
    });
    const ends: (Error | undefined)[] = [];
    for (const payload of rows) write.take({ msg: { payload }, send: () => undefined, done: (error) => ends.push(error) });
    await waitFor("all rows to be through", () => ends.length === rows.length);
    assert.deepEqual(ends, rows.map(() => undefined));
  }
  const jobs = (): number => org.control.stats().byKind["POST jobs/ingest"] ?? 0;

  it("go into one job after the other by their external id, for the org refuses them in one", async () => {
    const rows = [["a", "1"], ["b", "1"], ["A ", "2"], ["a", "3"]].map(([id, Subject]) => ({ [EXTERNAL_ID]: id, Subject }));
    await load({ operation: "upsert", externalIdField: EXTERNAL_ID }, rows);
    assert.deepEqual(org.records("Case").map((one) => [one[EXTERNAL_ID], one.Subject]), [["a", "3"], ["b", "1"]]);
    assert.equal(jobs(), 3);
  });

  it("and by their id, for a job keeps no order", async () => {
    const [first = "", second] = org.control.insert({ object: "Case", records: [{ Subject: "1" }, { Subject: "1" }] }).ids;
    await load({ operation: "update" }, [{ Id: first, Subject: "2" }, { id: first.slice(0, 15), Subject: "3" }, { Id: second, Subject: "2" }]);
    assert.deepEqual(org.records("Case").map(({ Subject }) => Subject), ["3", "2"]);
    assert.equal(jobs(), 2);
  });

  it("but each makes a record where they are inserted", async () => {
    await load({ operation: "insert" }, [{ Subject: "1" }, { Subject: "1" }]);
    assert.deepEqual([org.records("Case").length, jobs()], [2, 1]);
  });
});

describe("Rows that a firewall on the way minds", () => {
  const page = (): ConnectorError => callError({ status: 403, headers: {}, body: "<html>blocked</html>" });
  const reset = (): ConnectorError => new ConnectorError("ORG_UNAVAILABLE", "h broke the connection", { details: { network: "ECONNRESET", outcomeUnknown: true } });
  const orgs = new Orgs();
  afterEach(() => orgs.stop());

  async function take(blocks: (csv: string) => boolean, lists: object[], refusal: () => ConnectorError = page): Promise<{ ends: (Error | undefined)[][]; org: Emulator; settled: () => number; write: BulkWrite }> {
    const org = await orgs.start();
    const client = orgs.client(clientCredentials(org));
    const raw = client.rest.raw.bind(client.rest);
    const settings = readSettings({ org: "org", object: "Case", operation: "insert", pollInterval: 5 } as never) as WriteSettings;
    client.rest.raw = (request) => (request.method === "PUT" && blocks(String(request.body as Buffer)) ? Promise.reject(refusal()) : raw(request));
    const write = new BulkWrite({
      ...{ settings, org: client, store: new MemoryStore(), node: "bulk", isWired: () => false, warn: () => undefined, onState: () => undefined },
      rows: (msg) => (msg as { payload: object }).payload,
      identity: () => undefined,
    });
    const ends = lists.map((): (Error | undefined)[] => []);
    lists.forEach((payload, index) => write.take({ msg: { payload }, send: () => undefined, done: (error) => ends[index]?.push(error) }));
    return { ends, org, settled: () => ends.flat().length, write };
  }

  it("fail their list in the end, and hold up no other", async () => {
    const { ends, org, settled, write } = await take((csv) => csv.includes("EICAR"), [[{ Subject: "EICAR" }], [{ Subject: "fine" }]]);
    await waitFor("both to be through", () => settled() === 2);
    assert.match(String(ends[0]?.[0]), /ORG_REFUSED.*a firewall/);
    assert.deepEqual([ends[1]?.[0], org.records("Case").map(({ Subject }) => Subject)], [undefined, ["fine"]]);
    await write.close();
  });

  it("fail their list, too, when it breaks the connection", async () => {
    const { ends, settled, write } = await take((csv) => csv.includes("EICAR"), [[{ Subject: "EICAR" }], [{ Subject: "fine" }]], reset);
    await waitFor("both to be through", () => settled() === 2);
    assert.match(String(ends[0]?.[0]), /ORG_BUSY/);
    assert.equal(ends[1]?.[0], undefined);
    await write.close();
  });

  it("fail by themselves where each is a message of its own", async () => {
    const rows = Array.from({ length: 20 }, (_, index) => ({ Subject: index === 13 ? "EICAR" : `fine${index}` }));
    const { ends, org, settled, write } = await take((csv) => csv.includes("EICAR"), rows);
    await waitFor("all to be through", () => settled() === 20);
    assert.deepEqual(ends.flatMap(([error], index) => (error ? index : [])), [13]);
    assert.match(String(ends[13]?.[0]), /ORG_REFUSED.*a firewall/);
    assert.deepEqual(org.records("Case").map(({ Subject }) => Subject).sort(), rows.flatMap(({ Subject }) => (Subject === "EICAR" ? [] : Subject)).sort());
    await write.close();
  });

  it("are held where no upload gets through", async () => {
    const { settled, org, write } = await take(() => true, [[{ Subject: "a" }], { Subject: "b" }, { Subject: "c" }]);
    await waitFor("many tries", () => (org.control.stats().byKind["POST jobs/ingest"] ?? 0) > 24);
    assert.equal(settled(), 0);
    await write.close();
  });
});
