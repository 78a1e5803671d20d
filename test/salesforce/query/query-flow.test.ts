import assert from "node:assert/strict";
import path from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { held, testBench, seenAt, theSource as trigger } from "../../services/test-nodes/test-nodes";
import { pause, remains, waitShortly as waitFor } from "../../services/wait";
import { Orgs } from "../support";

const runtime = new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });

const source: FlowNodeConfig = { id: "source", type: "test-source", retries: 0, wires: [["query"]] };
const see = (id: string, ...wires: string[]): FlowNodeConfig => ({ id, type: "test-see", wires: [wires] });
const hold = (id: string): FlowNodeConfig => ({ id, type: "test-hold", wires: [[]] });

const settlements = () => trigger().settled.map(({ settlement }) => settlement);
const outcomes = (): string[] => settlements().map(({ outcome }) => outcome);
const calls = (org: Emulator, kind: RegExp): number => Object.entries(org.control.stats().byKind).reduce((sum, [name, count]) => sum + (kind.test(name) ? count : 0), 0);

describe("salesforce query in a flow", function () {
  this.timeout(60_000);
  const orgs = new Orgs();
  let org: Emulator;

  before(() => runtime.start());
  beforeEach(async () => {
    org = await orgs.start();
  });
  afterEach(async () => {
    await runtime.deploy([]);
    await orgs.stop();
  });
  after(() => runtime.stop());

  function cases(count: number, more: object = {}): void {
    org.control.insert({ object: "Case", records: Array.from({ length: count }, (_, index) => ({ Subject: `case ${index}`, SuppliedName: `n${index}`, ...more })) });
  }

  const flow = (wires: string[][], nodes: FlowNodeConfig[], more: object = {}): FlowNodeConfig[] => [
    { id: "org", type: "surewire-salesforce-org", z: "tab", loginUrl: org.url, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } },
    { id: "query", type: "surewire-salesforce-query", org: "org", query: "SELECT SuppliedName FROM Case ORDER BY CreatedDate, Id", retries: 0, retryDelay: 10, retryMaxDelay: 10, wires, ...more },
    ...nodes,
  ];

  const deploy = (more: object, ...nodes: FlowNodeConfig[]): Promise<void> => {
    const [first] = nodes;
    return runtime.fresh([source, ...flow([[first?.id ?? ""]], nodes, more)]);
  };

  /** Lets what is held go on until the trigger has ended. */
  async function letAllGo(): Promise<void> {
    let gone = 0;
    await waitFor("the end", () => {
      for (const one of held.slice(gone)) one.go();
      gone = held.length;
      return outcomes().length === 1;
    });
  }

  it("sends each record, with the values of the message bound, and is done when the flow has finished with the last", async () => {
    cases(3);
    await deploy({ query: "SELECT SuppliedName, Account.Name FROM Case WHERE Subject IN :subjects ORDER BY SuppliedName", parameters: [] }, hold("hold"));
    trigger().take({ subjects: ["case 0", "case 2", "' OR Id != null"] });
    await waitFor("two records", () => held.length === 2);
    const messages = held.map(({ msg }) => msg as unknown as { payload: unknown; salesforce: unknown; parts: { index: number; count?: number } });
    assert.deepEqual(messages.map(({ payload }) => payload), [{ SuppliedName: "n0", Account: null }, { SuppliedName: "n2", Account: null }]);
    assert.deepEqual(messages.map(({ salesforce, parts }) => [salesforce, parts.index, parts.count]), [[{ totalSize: 2 }, 0, undefined], [{ totalSize: 2 }, 1, 2]]);
    held[0]?.go();
    await remains("unsettled", () => outcomes().length === 0, 20);
    held[1]?.go();
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual(outcomes(), ["accept"]);
  });

  for (const [output, payload] of [["row", "msg.payload"], ["page", "msg.payload[0]"]] as const) {
    it(`gives the next attempt what the org sent, whatever the flow has changed in place (${output})`, async () => {
      cases(1);
      const func = `const { SuppliedName } = ${payload}; ${payload}.SuppliedName = "changed"; if (msg.delivery.attempt === 1) throw new Error("no"); msg.payload = SuppliedName; return msg;`;
      await deploy({ output, retries: 1 }, { id: "change", type: "function", func, outputs: 1, wires: [["see"]] }, see("see"));
      trigger().take({});
      await waitFor("the end", () => outcomes().length === 1);
      assert.deepEqual([outcomes(), seenAt("see")], [["accept"], ["n0"]]);
    });
  }

  it("takes the values of its list before those of the payload", async () => {
    cases(3);
    const parameters = [{ name: "name", value: "n1", valueType: "str" }, { name: "since", value: '$toMillis("2020-01-01T00:00:00Z")', valueType: "jsonata" }];
    await deploy({ query: "SELECT SuppliedName FROM Case WHERE SuppliedName = :name AND Subject LIKE :like% AND CreatedDate > :since:datetime", parameters }, see("seen"));
    trigger().take({ name: "n2", like: "case" });
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual(seenAt("seen"), [{ SuppliedName: "n1" }]);
  });

  it("sends pages, or all records in the message that asked", async () => {
    cases(450);
    await deploy({ output: "page", batchSize: 200 }, see("pages"));
    trigger().take("go");
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual(seenAt("pages").map((page) => (page as unknown[]).length), [200, 200, 50]);
    assert.equal(calls(org, /query/), 3);
    await deploy({ output: "all" }, see("all"));
    trigger().take("go");
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual(seenAt("all").map((all) => (all as unknown[]).length), [450]);
    await deploy({ output: "all", maxRows: 449 }, see("all"));
    trigger().take("go");
    await waitFor("the end", () => outcomes().length === 1);
    assert.equal(settlements()[0]?.error?.code, "PAYLOAD_TOO_LARGE");
  });

  it("passes the trigger on to the second output when nothing is found, if there is one", async () => {
    await runtime.fresh([source, ...flow([["rows"], ["none"]], [see("rows"), see("none")], { emptyOutput: true })]);
    trigger().take("go");
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual([seenAt("rows"), seenAt("none"), outcomes()], [[], ["go"], ["accept"]]);
  });

  it("reads deleted records too, groups, counts, searches and explains", async () => {
    cases(3, { Priority: "High" });
    const deleted = org.control.insert({ object: "Case", records: [{ SuppliedName: "gone" }] }).ids[0] ?? "";
    const results = async (more: object): Promise<unknown[]> => {
      await deploy(more, see("seen"));
      trigger().take({ word: "case" });
      await waitFor("the end", () => outcomes().length === 1);
      assert.equal(settlements()[0]?.error, undefined);
      return seenAt("seen");
    };
    await orgs.client({ loginUrl: org.url, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } }).rest.request({ method: "DELETE", path: `/sobjects/Case/${deleted}` });
    assert.deepEqual(await results({ query: "SELECT SuppliedName FROM Case WHERE SuppliedName = 'gone'" }), []);
    assert.deepEqual(await results({ query: "SELECT SuppliedName FROM Case WHERE SuppliedName = 'gone'", deleted: true }), [{ SuppliedName: "gone" }]);
    assert.deepEqual(await results({ query: "SELECT Priority, COUNT(Id) many FROM Case GROUP BY Priority" }), [{ Priority: "High", many: 3 }]);
    assert.deepEqual(await results({ query: "SELECT COUNT() FROM Case" }), [{ expr0: 3 }]);
    const found = await results({ language: "sosl", query: "FIND {:word} RETURNING Case(SuppliedName ORDER BY SuppliedName LIMIT 1)" });
    assert.deepEqual(found.map((record) => [(record as { attributes: { type: string } }).attributes.type, (record as { SuppliedName: string }).SuppliedName]), [["Case", "n0"]]);
    const [plan] = (await results({ explain: true })) as { plans: { leadingOperationType: string }[] }[];
    assert.equal(plan?.plans[0]?.leadingOperationType, "TableScan");
  });

  it("reads 20,000 records no faster than a slow flow takes them, a bounded number at once", async () => {
    cases(20_000); // what `npm test` has time for
    let most = 0;
    let count = 0;
    await deploy({ maxInFlight: 500 }, { id: "sink", type: "test-sink", batchSize: 500, wires: [[]] });
    let fetchedAt250 = -1;
    testBench.write = async (values) => {
      most = Math.max(most, values.length);
      count += values.length;
      if (fetchedAt250 < 0) fetchedAt250 = calls(org, /query/);
      await pause(1);
      return values.map(() => ({ ok: true, value: "stored" }));
    };
    trigger().take("go");
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual(outcomes(), ["accept"]);
    assert.equal(count, 20_000);
    assert.ok(most <= 500, `${most} at once`);
    assert.equal(fetchedAt250, 1, "the second page was asked for before the first was out");
    assert.equal(calls(org, /query/), 10);
  });

  it("asks for no further page while the flow holds what it has", async () => {
    cases(4_500);
    await deploy({ maxInFlight: 100 }, hold("hold"));
    trigger().take("go");
    await waitFor("100 records", () => held.length === 100);
    await remains("100 records of one page", () => held.length === 100 && calls(org, /query/) === 1, 50);
    await letAllGo();
    assert.equal(held.length, 4_500);
  });

  it("fails the trigger, to be tried again, when the org has forgotten the query; what is out stays settled", async () => {
    cases(2_500);
    await deploy({ maxInFlight: 100 }, hold("hold"));
    trigger().take("go");
    await waitFor("100 records", () => held.length === 100);
    org.control.ageLocators();
    await letAllGo();
    assert.equal(held.length, 1_999, "all but the last that was read, of which nobody knew whether it was the last");
    const [{ error } = { error: undefined }] = settlements();
    assert.equal(error?.code, "ORG_REFUSED");
    assert.equal(error?.retryable, true);
    assert.match(error?.message ?? "", /forgotten the query after 2000 of 2500 records/);
  });

  for (const [what, code, query] of [
    ["a query that the org cannot read", "ORG_REFUSED", "SELECT Id FRM Case"],
    ["an object that it does not know", "ORG_REFUSED", "SELECT Id FROM Nothing__c"],
    ["a name without a value", "INPUT_INVALID", "SELECT Id FROM Case WHERE Subject = :missing"],
  ] as const) {
    it(`fails the message over ${what}, and goes on`, async () => {
      cases(1);
      await deploy({ query }, see("seen"));
      trigger().take("go");
      await waitFor("the end", () => outcomes().length === 1);
      assert.deepEqual(outcomes(), ["dead-letter"]);
      assert.equal(settlements()[0]?.error?.code, code);
      trigger().take({ missing: "case 0" });
      await waitFor("the end of the next", () => outcomes().length === 2);
    });
  }

  for (const [what, fault] of [
    ["its token expires", () => void org.control.expireTokens()],
    ["the org is unavailable for a while", () => org.control.unavailable({ ms: 100 })],
    ["the org takes too many calls at once", () => org.control.requestLimit({ kind: "concurrent", ms: 100 })],
    ["the connection breaks before the org has seen the call", () => org.control.resetConnections({ when: "before" })],
    ["the connection breaks after it", () => org.control.resetConnections({ when: "after" })],
    ["the org fails in itself", () => org.control.failNext({ status: 500 })],
  ] as const) {
    it(`gives every record once when ${what} between two pages`, async () => {
      cases(4_500);
      await deploy({ output: "page", maxInFlight: 2_000 }, hold("hold"));
      trigger().take("go");
      await waitFor("the first page", () => held.length === 1);
      fault();
      await letAllGo();
      assert.deepEqual(settlements().map(({ outcome, error }) => [outcome, error?.message]), [["accept", undefined]]);
      const names = held.flatMap(({ msg }) => (msg as { payload: { SuppliedName: string }[] }).payload.map(({ SuppliedName }) => SuppliedName));
      assert.equal(names.length, 4_500);
      assert.equal(new Set(names).size, 4_500);
    });
  }

  it("waits for an org that is down at its start, with its source paused", async () => {
    cases(2);
    await deploy({}, see("seen"));
    await waitFor("the sign-in", () => org.control.stats().logins === 1);
    org.control.unavailable();
    trigger().take("go");
    await waitFor("the pause", () => trigger().events.length === 1);
    org.control.clearFaults();
    await waitFor("the end", () => outcomes().length === 1);
    assert.deepEqual([outcomes(), seenAt("seen").length], [["accept"], 2]);
  });
});
