import assert from "node:assert/strict";
import type { Connector, Operation } from "./operation";
import { create, describeGlobal, describeSObject, getDeleted, getUpdated, getUserInfo, query, remove, resetPassword, retrieve, search, setPassword, update, upsert, BAD_ORIGIN } from "./soap-connector";

const BASE = "/services/data/v66.0";
const account = (referenceId: string, body: object) => ({ method: "POST", url: `${BASE}/sobjects/Account`, referenceId, body });
const CALLS = "calls in `msg.payload`, as the API words them";

const createBulk: Operation = {
  name: "createBulk",
  node: "record",
  settings: { operation: "create", object: "Case" },
  takes: "a list in `msg.payload`; 200 of a call, and those of other messages with them",
  gives: "`msg.salesforce.results`",
  good: (world) => ({
    msg: { payload: [{ Subject: world.unique("one of many") }, { Subject: world.unique("one of many") }] },
    check: ({ salesforce }) => assert.ok((salesforce?.results as { id: string }[]).every(({ id }) => world.record("Case", id))),
  }),
  bad: () => ({ msg: { payload: [{ Origin: "Nowhere" }, { Origin: "Nowhere" }] }, error: BAD_ORIGIN }),
};

const attributes = { type: "Contact" };

const createTree: Operation = {
  name: "createTree",
  node: "record",
  settings: { operation: "createTree", object: "Account" },
  takes: "records with their children by relationship, which say their type in `attributes`, in `msg.payload`",
  gives: "`msg.salesforce.results`",
  good: (world) => {
    const Name = world.unique("with contacts");
    return {
      msg: { payload: [{ Name, Contacts: ["Ann", "Ben"].map((LastName) => ({ attributes, LastName })) }] },
      check: () => {
        const parent = world.org.records("Account").find((record) => record.Name === Name);
        assert.deepEqual(world.org.records("Contact").filter((record) => record.AccountId === parent?.Id).map((record) => record.LastName), ["Ann", "Ben"]);
      },
    };
  },
  bad: () => ({ msg: { payload: [{ Name: "x", Contacts: [{ attributes, FirstName: "nameless" }] }] }, error: /Required fields are missing: \[LastName\]/ }),
};

const composite: Operation = {
  name: "composite request",
  node: "request",
  settings: { preset: "composite" },
  takes: CALLS,
  gives: "`msg.payload.compositeResponse`",
  good: (world) => {
    const Name = world.unique("composite");
    return {
      msg: { payload: { allOrNone: true, compositeRequest: [account("acme", { Name }), { method: "POST", url: `${BASE}/sobjects/Contact`, referenceId: "ann", body: { LastName: "Ann", AccountId: "@{acme.id}" } }] } },
      check: ({ payload }) => {
        const [first, second] = (payload as { compositeResponse: { body: { id: string } }[] }).compositeResponse;
        assert.equal(world.record("Contact", second!.body.id)?.AccountId, first!.body.id);
      },
    };
  },
  bad: () => ({ msg: { payload: { allOrNone: true, compositeRequest: [account("lost", { Name: "Lost" }), account("bad", {})] } }, error: /Required fields are missing/ }),
};

const batch: Operation = {
  name: "composite batch",
  node: "request",
  settings: { preset: "composite-batch" },
  takes: CALLS,
  gives: "`msg.payload.results`",
  good: (world) => ({
    msg: { payload: { batchRequests: [{ method: "POST", url: "v66.0/sobjects/Account", richInput: { Name: world.unique("batch") } }] } },
    check: ({ payload }) => assert.ok(world.record("Account", (payload as { results: { result: { id: string } }[] }).results[0]!.result.id)),
  }),
  bad: () => ({ msg: { payload: { batchRequests: [{ method: "POST", url: "v66.0/sobjects/Account", richInput: {} }] } }, error: /Required fields are missing/ }),
};

const graph: Operation = {
  name: "composite graph",
  node: "request",
  settings: { preset: "composite-graph" },
  takes: CALLS,
  gives: "`msg.payload.graphs`",
  good: (world) => ({
    msg: { payload: { graphs: [{ graphId: "1", compositeRequest: [account("a", { Name: world.unique("graph") })] }] } },
    check: ({ payload }) => {
      const { graphResponse } = (payload as { graphs: { graphResponse: { compositeResponse: { body: { id: string } }[] } }[] }).graphs[0]!;
      assert.ok(world.record("Account", graphResponse.compositeResponse[0]!.body.id));
    },
  }),
  bad: () => ({ msg: { payload: { graphs: [{ graphId: "1", compositeRequest: [account("a", { Name: "Lost" }), account("b", {})] }] } }, error: /Required fields are missing/ }),
};

/** All that the REST connector does beside what it has of the SOAP connector. */
export const REST_CONNECTOR: Connector = {
  title: "Salesforce REST connector",
  text: "Its other operations are those of the SOAP connector above.",
  operations: [
    ...[describeGlobal, describeSObject, { ...retrieve, name: "retrieveSObject" }],
    ...[create, createBulk, createTree, remove, getDeleted, getUpdated, update, upsert],
    ...[query, search, batch, graph, composite],
    ...[{ ...getUserInfo, name: "getUserInformation" }, setPassword, resetPassword],
  ],
};
