import assert from "node:assert/strict";
import { EXTERNAL_ID } from "../support";
import type { Connector, Operation, Trial } from "./operation";
import { CONVERT_LEAD, FIND_DUPLICATES, FIND_DUPLICATES_BY_IDS, MERGE, SEND_EMAIL, SEND_EMAIL_MESSAGE, soapForbidden } from "./soap-only";
import type { World } from "./world";

const NO_CASE = "500000000000001AAA";
const byPayload = "an id, a record with its `Id`, or a list of these in `msg.payload`";
const perRecord = "`msg.salesforce` `{id, success, errors}`; of a list `{results: […]}`";

/** What the org says to a case with an origin that it does not know. */
export const BAD_ORIGIN = /bad value for restricted picklist field: Nowhere/;

/** A span of time around now. */
const around = (): { start: Date; end: Date } => ({ start: new Date(Date.now() - 3_600_000), end: new Date(Date.now() + 120_000) });

export const create: Operation = {
  name: "create",
  node: "record",
  settings: { operation: "create", object: "Case" },
  takes: "a record, or a list, in `msg.payload`",
  gives: perRecord,
  good: (world) => {
    const Subject = world.unique("created");
    return { msg: { payload: { Subject } }, check: ({ salesforce }) => assert.equal(world.record("Case", String(salesforce?.id))?.Subject, Subject) };
  },
  bad: () => ({ msg: { payload: { Origin: "Nowhere" } }, error: BAD_ORIGIN }),
};

export const update: Operation = {
  name: "update",
  node: "record",
  settings: { operation: "update", object: "Case" },
  takes: "a record with its `Id`, or a list, in `msg.payload`",
  gives: perRecord,
  good: (world) => {
    const [Id = ""] = world.insert("Case", { Subject: "before" });
    return { msg: { payload: { Id, Subject: "after" } }, check: () => assert.equal(world.record("Case", Id)?.Subject, "after") };
  },
  bad: (world) => ({ msg: { payload: { Id: world.insert("Case", {})[0], Origin: "Nowhere" } }, error: BAD_ORIGIN }),
};

export const upsert: Operation = {
  name: "upsert",
  node: "record",
  settings: { operation: "upsert", object: "Case", externalIdField: EXTERNAL_ID },
  takes: "a record with its external id, or a list, in `msg.payload`",
  gives: "the same, with `created`",
  good: (world) => {
    const id = world.unique("event");
    world.insert("Case", { [EXTERNAL_ID]: id, Subject: "first" });
    return {
      msg: { payload: { [EXTERNAL_ID]: id, Subject: "again" } },
      check: ({ salesforce }) => {
        assert.equal(salesforce?.created, false);
        assert.equal(world.caseOf(id)?.Subject, "again");
      },
    };
  },
  bad: (world) => ({ msg: { payload: { [EXTERNAL_ID]: world.unique("event"), Origin: "Nowhere" } }, error: BAD_ORIGIN }),
};

export const remove: Operation = {
  name: "delete",
  node: "record",
  settings: { operation: "delete" },
  takes: byPayload,
  gives: perRecord,
  good: (world) => {
    const [id = ""] = world.insert("Case", {});
    return { msg: { payload: id }, check: () => assert.equal(world.record("Case", id), undefined) };
  },
  bad: () => ({ msg: { payload: NO_CASE }, error: /invalid cross reference id|does not exist/ }),
};

export const retrieve: Operation = {
  name: "retrieve",
  node: "record",
  settings: { operation: "retrieve", object: "Case", returnFields: "Subject" },
  takes: byPayload,
  gives: "the record, or a list with null for what is not there, in `msg.payload`",
  good: (world) => {
    const Subject = world.unique("kept");
    const [Id] = world.insert("Case", { Subject });
    return { msg: { payload: Id }, check: ({ payload }) => assert.equal((payload as { Subject: string }).Subject, Subject) };
  },
  bad: () => ({ msg: { payload: NO_CASE }, error: /no record with this id/ }),
};

export const describeGlobal: Operation = {
  name: "describeGlobal",
  node: "record",
  settings: { operation: "describeGlobal" },
  takes: "nothing",
  gives: "objects in `msg.payload`",
  good: () => ({ msg: {}, check: ({ payload }) => assert.ok((payload as { name: string }[]).some(({ name }) => name === "Case")) }),
};

export const describeSObject: Operation = {
  name: "describeSObject",
  node: "record",
  settings: { operation: "describe", object: "objectName", objectType: "msg" },
  takes: "the object's name where the node says; here in `msg.objectName`",
  gives: "the description in `msg.payload`",
  good: () => ({ msg: { objectName: "Case" }, check: ({ payload }) => assert.ok((payload as { fields: { name: string }[] }).fields.some(({ name }) => name === EXTERNAL_ID)) }),
  bad: () => ({ msg: { objectName: "Nothing__c" }, error: /does not exist/, code: "ORG_OBJECT_UNKNOWN" }),
};

export const getUpdated: Operation = {
  name: "getUpdated",
  node: "record",
  settings: { operation: "getUpdated", object: "Case", start: "start", startType: "msg", end: "end", endType: "msg" },
  takes: "the span, here in `msg.start` and `msg.end`; without an end until now",
  gives: "ids in `msg.payload`, `msg.salesforce.latestDateCovered`",
  good: (world) => {
    const [id = ""] = world.insert("Case", {});
    return { msg: around(), check: ({ payload }) => assert.ok((payload as string[]).includes(id)) };
  },
  bad: () => ({ msg: { start: new Date(Date.now() - 60 * 86_400_000), end: new Date() }, error: /more than 30 days ago/ }),
};

export const getDeleted: Operation = {
  name: "getDeleted",
  node: "record",
  settings: { operation: "getDeleted", object: "Case", start: "start", startType: "msg", end: "end", endType: "msg" },
  takes: "the span, here in `msg.start` and `msg.end`; without an end until now",
  gives: "`{id, deletedDate}` in `msg.payload`",
  good: async (world) => {
    const id = await deleted(world);
    return { msg: around(), check: ({ payload }) => assert.ok((payload as { id: string }[]).some((each) => each.id === id)) };
  },
  bad: () => ({ msg: { start: new Date(Date.now() - 60 * 86_400_000), end: new Date() }, error: /more than 30 days ago/ }),
};

async function deleted(world: World): Promise<string> {
  const [id = ""] = world.insert("Case", {});
  await world.api("DELETE", `/sobjects/Case/${id}`);
  return id;
}

export const query: Operation = {
  name: "query",
  node: "query",
  settings: { query: "SELECT Id FROM Case WHERE Subject = :subject", output: "all" },
  takes: "values for `:names` in `msg.payload`",
  gives: "records in `msg.payload`, one message each, a page, or all",
  good: (world) => {
    const subject = world.unique("it's asked for");
    const [id] = world.insert("Case", { Subject: subject });
    return { msg: { payload: { subject } }, check: ({ payload }) => assert.deepEqual((payload as { Id: string }[]).map(({ Id }) => Id), [id]) };
  },
};

export const search: Operation = {
  name: "search",
  node: "query",
  settings: { language: "sosl", query: "FIND {:term} IN ALL FIELDS RETURNING Account(Id, Name)", output: "all" },
  takes: "values for `:names` in `msg.payload`",
  gives: "records in `msg.payload`",
  good: (world) => {
    const term = world.unique("Zanzibar").replace(" ", "");
    const [id] = world.insert("Account", { Name: `${term} Works` });
    return { msg: { payload: { term } }, check: ({ payload }) => assert.deepEqual((payload as { Id: string }[]).map(({ Id }) => Id), [id]) };
  },
};

export const getUserInfo: Operation = {
  name: "getUserInfo",
  node: "record",
  settings: { operation: "getUserInfo" },
  takes: "nothing",
  gives: "the user in `msg.payload`",
  good: (world) => ({ msg: {}, check: ({ payload }) => assert.equal((payload as { userName: string }).userName, world.org.records("User")[0]?.Username) }),
  bad: soapForbidden,
};

/** The user the operations run as. */
const userOf = (world: World): string => String(world.org.records("User")[0]?.Id);

export const setPassword: Operation = {
  name: "setPassword",
  node: "record",
  settings: { operation: "setPassword", recordId: "userId", recordIdType: "msg" },
  takes: "the user where the node says, here in `msg.userId`; the password in `msg.payload`",
  gives: "`msg.salesforce.success`",
  good: (world) => ({ msg: { userId: userOf(world), payload: "correct-horse-1" }, check: ({ salesforce }) => assert.equal(salesforce?.success, true) }),
  bad: (world) => ({ msg: { userId: userOf(world), payload: "short" }, error: /at least 8 characters/ }),
};

export const resetPassword: Operation = {
  name: "resetPassword",
  node: "record",
  settings: { operation: "resetPassword", recordId: "userId", recordIdType: "msg" },
  takes: "the user where the node says, here in `msg.userId`",
  gives: "the new password in `msg.payload`",
  good: (world) => ({ msg: { userId: userOf(world) }, check: ({ payload }) => assert.equal(typeof payload, "string") }),
  bad: () => ({ msg: { userId: "005000000000009AAA" }, error: /invalid cross reference id/ }),
};

const REST_OF_SOAP: Operation[] = [
  {
    name: "describeSObjects",
    node: "record",
    settings: { operation: "describeSObjects", object: "Case,Account" },
    takes: "names, in the node with commas between, or a list in `msg.payload`",
    gives: "descriptions in `msg.payload`",
    good: () => ({ msg: {}, check: ({ payload }) => assert.deepEqual((payload as { name: string }[]).map(({ name }) => name), ["Case", "Account"]) }),
    bad: () => ({ msg: { payload: ["Case", "Nothing__c"] }, error: /does not exist/, code: "ORG_OBJECT_UNKNOWN" }),
  },
  {
    name: "emptyRecycleBin",
    node: "record",
    settings: { operation: "emptyRecycleBin" },
    takes: byPayload,
    gives: perRecord,
    good: async (world): Promise<Trial> => {
      const id = await deleted(world);
      return { msg: { payload: id }, check: ({ salesforce }) => assert.equal(salesforce?.success, true) };
    },
    // what is gone for good cannot be thrown away again; queryAll shows it for a day
    bad: async (world) => {
      const id = await deleted(world);
      await world.soap("emptyRecycleBin", `<ids>${id}</ids>`);
      return { msg: { payload: id }, error: /not in the recycle bin/ };
    },
  },
  {
    name: "undelete",
    node: "record",
    settings: { operation: "undelete" },
    takes: byPayload,
    gives: perRecord,
    good: async (world) => {
      const id = await deleted(world);
      return { msg: { payload: id }, check: () => assert.ok(world.record("Case", id)) };
    },
    bad: () => ({ msg: { payload: NO_CASE }, error: /invalid cross reference id/ }),
  },
  {
    name: "getServerTimestamp",
    node: "record",
    settings: { operation: "getServerTimestamp" },
    takes: "nothing",
    gives: "a Date in `msg.payload`",
    good: () => ({ msg: {}, check: ({ payload }) => assert.ok(Math.abs((payload as Date).getTime() - Date.now()) < 60_000) }),
    bad: soapForbidden,
  },
  {
    name: "logout",
    node: "record",
    settings: { operation: "logout" },
    takes: "nothing",
    gives: "`msg.salesforce.success`; the next message signs in again",
    good: () => ({ msg: {}, check: ({ salesforce }) => assert.equal(salesforce?.success, true) }),
    bad: soapForbidden,
  },
  {
    ...query,
    name: "queryAll",
    settings: { query: "SELECT Id FROM Case WHERE Id = :id", deleted: true, output: "all" },
    gives: "deleted and archived records, too",
    good: async (world) => {
      const id = await deleted(world);
      return { msg: { payload: { id } }, check: ({ payload }) => assert.deepEqual((payload as { Id: string }[]).map(({ Id }) => Id), [id]) };
    },
  },
  {
    ...query,
    name: "queryMore",
    settings: { query: "SELECT Id FROM Account WHERE Name LIKE 'page %'", output: "all" },
    takes: "nothing",
    gives: "all pages, each fetched when the flow has room for it",
    good: (world) => {
      world.insert("Account", ...Array.from({ length: 2_010 }, (_, index) => ({ Name: `page ${index}` })));
      return { msg: {}, check: ({ payload }) => assert.equal((payload as unknown[]).length, 2_010) };
    },
    bad: (world) => {
      world.org.control.failNext({ path: "query/01g", status: 400, errorCode: "INVALID_QUERY_LOCATOR", message: "invalid query locator" });
      return { msg: {}, error: /forgotten the query after 2000 of 2010/ };
    },
  },
];

/** The SOAP connector, by name. */
const OPERATIONS = [
  ...[create, update, upsert, remove, retrieve, describeGlobal, describeSObject, getUpdated, getDeleted, query, search, getUserInfo, setPassword, resetPassword],
  ...REST_OF_SOAP,
  ...[CONVERT_LEAD, FIND_DUPLICATES, FIND_DUPLICATES_BY_IDS, MERGE, SEND_EMAIL, SEND_EMAIL_MESSAGE],
].sort((a, b) => (a.name < b.name ? -1 : 1));

/** All that the SOAP connector does. */
export const SOAP_CONNECTOR: Connector = {
  title: "Salesforce SOAP connector",
  text: "Operations that REST also has use REST; the others use the SOAP API with the same token. `queryMore` needs no node of its own.",
  operations: OPERATIONS,
};
