import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import type { ConnectorError } from "../../../nodes/common/errors";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { JobBook } from "../../../nodes/salesforce/client/bulk/bulk-book";
import { bulkInput } from "../../../nodes/salesforce/client/bulk/bulk-input";
import { BulkJobs } from "../../../nodes/salesforce/client/bulk/bulk-jobs";
import { BulkLoad, type Loaded } from "../../../nodes/salesforce/client/bulk/bulk-load";
import { BulkLoader } from "../../../nodes/salesforce/client/bulk/bulk-loader";
import { ColumnNames } from "../../../nodes/salesforce/client/bulk/column-names";
import { CaseWriter } from "../../../nodes/salesforce/client/cases/case-writer";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { testOrg } from "../../../nodes/salesforce/client/org-test";
import { QueryClient } from "../../../nodes/salesforce/client/query/query-client";
import { clientCredentials, Orgs } from "../support";

const PAGE = "<html><body>This site is blocked by your company</body></html>";

describe("A page in the place of the org's answer, as proxies and edges give them with a good status,", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;

  beforeEach(async () => {
    org = await orgs.start();
    client = orgs.client(clientCredentials(org));
  });
  afterEach(() => orgs.stop());

  const away = (error: unknown): boolean => {
    const { code, scope } = error as ConnectorError;
    assert.deepEqual([code, scope], ["ORG_UNAVAILABLE", "system"]);
    return true;
  };

  function load(store: MemoryStore, rows: object[] = [{ Subject: "a" }, { Subject: "b" }]): Promise<Loaded> {
    const request = { object: "Case", operation: "insert" } as const;
    const [jobs, book, style] = [new BulkJobs(client.rest), new JobBook(store, "bulk/test"), { delimiter: ",", newline: "\n" }];
    const loader = new BulkLoader({ jobs, names: new ColumnNames(client.rest), book, request, style, poll: { interval: 5, timeout: 0, signal: new AbortController().signal } });
    const all = new BulkLoad({ loader, book, request, style, limits: { rows: 100, bytes: 1e6 }, keepAll: true, failuresTaken: false });
    return all.run({ input: bulkInput(rows, false, ","), mayRepeat: true });
  }

  for (const status of [200, 302]) {
    it(`is no query without rows (${status})`, async () => {
      org.control.failNext({ status, html: PAGE, path: "/query" });
      await assert.rejects(new QueryClient(client.rest, "66.0").open({ language: "soql", text: "SELECT Id FROM Account" }), away);
    });

    for (const path of ["/jobs/ingest/750", "/successfulResults"]) {
      it(`is not what became of the rows of a bulk job, which is taken up again (${status} for ${path})`, async () => {
        const store = new MemoryStore();
        org.control.failNext({ status, html: PAGE, method: "GET", path });
        await assert.rejects(load(store), away);
        const { result } = await load(store);
        assert.deepEqual([result.success, result.processed, org.records("Case").length], [true, 2, 2]);
      });
    }
  }

  it("is not what an org means that has no list of failed rows to give (204)", async () => {
    org.control.failNext({ status: 204, html: "", method: "GET", path: "/failedResults" });
    const { error } = await load(new MemoryStore(), [{ Subject: "a", Origin: "Smoke" }]);
    assert.deepEqual([error?.code, error?.scope], ["ORG_REFUSED", "message"]);
  });

  it("says nothing about which contacts exist", async () => {
    const [contact] = org.control.insert({ object: "Contact", records: [{ LastName: "Ada", Email: "ada@acme.example" }] }).ids;
    org.control.failNext({ status: 200, html: PAGE, path: "/query" });
    const writer = new CaseWriter(client.rest, { contact: { field: "Email", missing: "leave" } });
    const item = { fields: { Subject: "x" }, contact: "ada@acme.example" };
    await assert.rejects(writer.write([item]), away);
    await writer.write([item]);
    assert.deepEqual(org.records("Case").map(({ ContactId }) => ContactId), [contact]);
  });

  it("leaves open whether a create was made, but not where it is a redirect", async () => {
    for (const [status, unknown] of [[200, true], [307, undefined]] as const) {
      org.control.failNext({ status, html: PAGE });
      await assert.rejects(client.rest.request({ method: "POST", path: "/sobjects/Case", body: {} }), (error: ConnectorError) => error.details.outcomeUnknown === unknown);
    }
  });

  it("does not pass the test of the connection", async () => {
    org.control.failNext({ status: 200, html: PAGE, count: 9 });
    const { ok, problem } = await testOrg(clientCredentials(org));
    assert.equal(ok, false);
    assert.match(problem ?? "", /HTTP 200 .*\(a web page\)/);
  });
});
