import assert from "node:assert/strict";
import { ConnectorError, isConnectorError } from "../../../../nodes/common/errors";
import { QueryClient } from "../../../../nodes/salesforce/client/query/query-client";
import type { QueryPages } from "../../../../nodes/salesforce/client/query/query-pages";
import type { RestCalls, RestRequest } from "../../../../nodes/salesforce/client/rest";

/** An org that answers by path; an error is thrown. */
function org(answer: (path: string, request: RestRequest) => unknown): RestCalls & { paths: string[] } {
  const paths: string[] = [];
  const request = (sent: RestRequest): Promise<never> => {
    paths.push(decodeURIComponent(sent.path));
    try {
      return Promise.resolve({ status: 200, headers: {}, body: answer(sent.path, sent) } as never);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  };
  return { request, paths };
}

async function all(pages: QueryPages): Promise<unknown[]> {
  const records: unknown[] = [];
  for (let page = await pages.next(); page; page = await pages.next()) records.push(...page);
  return records;
}

const soql = { language: "soql", text: "SELECT Name, (SELECT LastName FROM Contacts) FROM Account" } as const;
const contact = (LastName: string) => ({ attributes: { type: "Contact", url: "x" }, LastName });

describe("The answer to a query", () => {
  it("has parents as objects, all children as a list, and no attributes", async () => {
    const rest = org((path) => {
      if (path.endsWith("-2")) return { totalSize: 3, done: true, records: [contact("c")] };
      return {
        totalSize: 2, done: true,
        records: [
          { attributes: {}, Name: "Acme", Owner: { attributes: {}, Name: "Ada" }, Contacts: { totalSize: 3, done: false, nextRecordsUrl: "/services/data/v66.0/query/01g-2", records: [contact("a"), contact("b")] } },
          { attributes: {}, Name: "Beta", Owner: null, Contacts: null },
        ],
      };
    });
    assert.deepEqual(await all(await new QueryClient(rest, "66.0").open(soql)), [
      { Name: "Acme", Owner: { Name: "Ada" }, Contacts: [{ LastName: "a" }, { LastName: "b" }, { LastName: "c" }] },
      { Name: "Beta", Owner: null, Contacts: [] },
    ]);
  });

  it("has an empty list for children that there are none of, on each level, and null for a parent of that name elsewhere", async () => {
    const text = `SELECT a.Owner.Name, FORMAT(Size), ( select Name, (SELECT Id FROM Parts__r) from a.Cases WHERE Subject = 'x) FROM y' LIMIT 5), (SELECT Id FROM Notes)
      FROM Account a WHERE Id IN (SELECT Contact FROM Contact)`;
    const rest = org(() => ({
      totalSize: 2, done: true,
      records: [
        { Owner: null, Contact: null, Parts__r: null, Notes: null, Cases: { totalSize: 1, done: true, records: [{ Notes: null, Parts__r: null }] } },
        { Owner: { Notes: null }, Cases: null, Notes: { totalSize: 0, done: true, records: [] } },
      ],
    }));
    assert.deepEqual(await all(await new QueryClient(rest, "66.0").open({ language: "soql", text })), [
      { Owner: null, Contact: null, Parts__r: null, Notes: [], Cases: [{ Notes: null, Parts__r: [] }] },
      { Owner: { Notes: null }, Cases: [], Notes: [] },
    ]);
  });

  it("has all children of children, also of those that come with a further page", async () => {
    const child = (name: string, next: string) => ({ name, Assets: { totalSize: 2, done: false, nextRecordsUrl: next, records: [{ name: `${name}1` }] } });
    const pages: Record<string, unknown> = {
      "/children": { totalSize: 2, done: true, records: [child("b", "/b")] },
      "/a": { totalSize: 2, done: true, records: [{ name: "a2" }] },
      "/b": { totalSize: 2, done: true, records: [{ name: "b2" }] },
    };
    const rest = org((path) => pages[path] ?? { totalSize: 1, done: true, records: [{ Contacts: { totalSize: 2, done: false, nextRecordsUrl: "/children", records: [child("a", "/a")] } }] });
    assert.deepEqual(await all(await new QueryClient(rest, "66.0").open(soql)), [
      { Contacts: [{ name: "a", Assets: [{ name: "a1" }, { name: "a2" }] }, { name: "b", Assets: [{ name: "b1" }, { name: "b2" }] }] },
    ]);
  });

  it("loses no record when a page, or the children on it, come only at the second try", async () => {
    let failures = 2;
    const rest = org((path) => {
      if (path.includes("q=")) return { totalSize: 2, done: false, nextRecordsUrl: "/next", records: [{ Name: "a", Contacts: { totalSize: 2, done: false, nextRecordsUrl: "/children", records: [contact("x")] } }] };
      if (failures-- > 0) throw new ConnectorError("ORG_UNAVAILABLE", "away");
      return path === "/children" ? { totalSize: 2, done: true, records: [contact("y")] } : { totalSize: 2, done: true, records: [{ Name: "b" }] };
    });
    const pages = await new QueryClient(rest, "66.0").open(soql);
    await assert.rejects(pages.next());
    await assert.rejects(pages.next());
    assert.deepEqual(await pages.next(), [{ Name: "a", Contacts: [{ LastName: "x" }, { LastName: "y" }] }]);
    failures = 1;
    await assert.rejects(pages.next());
    assert.deepEqual(await all(pages), [{ Name: "b" }]);
  });

  it("is asked for in pages of the wanted size, also within a composite request", async () => {
    const asked: RestRequest[] = [];
    const rest = org((path, request) => {
      asked.push(request);
      return path === "/composite" ? { compositeResponse: [{ httpStatusCode: 200, body: { totalSize: 0, done: true, records: [] } }] } : { totalSize: 0, done: true, records: [] };
    });
    const client = new QueryClient(rest, "66.0");
    await client.open({ ...soql, pageSize: 500, deleted: true });
    const text = `SELECT Id FROM Case WHERE Subject IN (${"'x',".repeat(5000)}'y')`;
    await client.open({ language: "soql", text, pageSize: 500 });
    assert.match(asked[0]?.path ?? "", /^\/queryAll\?q=/);
    assert.deepEqual(asked[0]?.headers, { "Sforce-Query-Options": "batchSize=500" });
    const [inner] = (asked[1]?.body as { compositeRequest: { method: string; url: string; httpHeaders: object }[] }).compositeRequest;
    assert.deepEqual([inner?.method, inner?.url, inner?.httpHeaders], ["GET", `/services/data/v66.0/query?q=${encodeURIComponent(text)}`, { "Sforce-Query-Options": "batchSize=500" }]);
  });

  it("is given up after five 500s in a row, when others are answered: then it is the query's own, and holds up nobody else", async () => {
    const rest = org((path) => {
      if (path.includes("Organization")) return { totalSize: 1, done: true, records: [{}] };
      throw new ConnectorError("ORG_UNAVAILABLE", "UNKNOWN_EXCEPTION", { details: { status: 500 } });
    });
    const client = new QueryClient(rest, "66.0");
    const request = { ...soql };
    const codes: string[] = [];
    for (let tries = 0; tries < 5; tries += 1) await client.open(request).catch((error: unknown) => isConnectorError(error) && codes.push(error.code));
    assert.deepEqual(codes, [...new Array<string>(4).fill("ORG_UNAVAILABLE"), "ORG_BUSY"]);
  });

  for (const [what, details] of [["a page of a firewall", { status: 403 }], ["a connection that breaks", { network: "ECONNRESET", outcomeUnknown: true }], ["an internal error", { status: 500 }]] as const) {
    it(`that is never there (${what}) holds up the others no longer than until simpler ones are answered`, async () => {
      let isOpen = false;
      const rest = org((path) => {
        if (isOpen && path.includes("Organization")) return { totalSize: 1, done: true, records: [{}] };
        throw new ConnectorError("ORG_UNAVAILABLE", "away", { details });
      });
      const client = new QueryClient(rest, "66.0");
      const request = { ...soql };
      const codes = async (): Promise<string[]> => {
        const found: string[] = [];
        for (let tries = 0; tries < 5; tries += 1) await client.open(request).catch((error: unknown) => isConnectorError(error) && found.push(error.code));
        return found;
      };
      assert.deepEqual(await codes(), new Array<string>(5).fill("ORG_UNAVAILABLE"));
      isOpen = true;
      assert.deepEqual(await codes(), [...new Array<string>(4).fill("ORG_UNAVAILABLE"), details.status === 403 ? "ORG_REFUSED" : "ORG_BUSY"]);
    });
  }

  it("is asked for in a body where a proxy takes no address so long, and at once the next time", async () => {
    const rest = org((path) => {
      if (path === "/composite") return { compositeResponse: [{ httpStatusCode: 200, body: { totalSize: 0, done: true, records: [] } }] };
      if (path.length > 4000) throw new ConnectorError("PAYLOAD_TOO_LARGE", "URI too long", { details: { status: 414 } });
      return { totalSize: 0, done: true, records: [] };
    });
    const client = new QueryClient(rest, "66.0");
    const long = { language: "soql", text: `SELECT Id FROM Case WHERE Subject IN (${"'x',".repeat(700)}'y')` } as const;
    await client.open(long);
    await client.open(long);
    await client.open(soql);
    assert.deepEqual(rest.paths.map((path) => path.split("?")[0]), ["/query", "/composite", "/composite", "/query"]);
  });
});
