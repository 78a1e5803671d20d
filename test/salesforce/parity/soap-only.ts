/** Operations that only the SOAP API has. */
import assert from "node:assert/strict";
import type { Operation, Refused } from "./operation";
import type { World } from "./world";

/** A call of a user who lacks the right: a fault, as SOAP tells it. */
export function soapForbidden(world: World): Refused {
  world.org.control.failNext({ status: 500, errorCode: "INSUFFICIENT_ACCESS", message: "no right to do this" });
  return { msg: {}, error: /no right to do this/ };
}

/** Mails that may still be sent today. */
async function mailsLeft(world: World): Promise<number> {
  return (await world.api<{ SingleEmail: { Remaining: number } }>("GET", "/limits")).SingleEmail.Remaining;
}

export const CONVERT_LEAD: Operation = {
  name: "convertLead",
  node: "record",
  settings: { operation: "convertLead" },
  takes: "`{leadId, convertedStatus, …}`, or a list, in `msg.payload`",
  gives: "`msg.salesforce` `{id, accountId, contactId, opportunityId}`",
  good: (world) => {
    const [leadId] = world.insert("Lead", { LastName: "Lee", Company: world.unique("Lee Ltd") });
    return {
      msg: { payload: { leadId, convertedStatus: "Closed - Converted" } },
      check: ({ salesforce }) => {
        assert.equal(world.record("Contact", String(salesforce?.contactId))?.LastName, "Lee");
        assert.equal(world.record("Lead", String(leadId))?.IsConverted, true);
      },
    };
  },
  bad: (world) => ({ msg: { payload: { leadId: world.insert("Lead", { LastName: "Lee", Company: "Lee" })[0], convertedStatus: "Nonsense" } }, error: /invalid convertedStatus/ }),
};

export const FIND_DUPLICATES: Operation = {
  name: "findDuplicates",
  node: "record",
  settings: { operation: "findDuplicates", object: "Contact" },
  takes: "a record, or a list, in `msg.payload`",
  gives: "by rule, the ids of records that match, in `msg.payload`",
  good: (world) => {
    world.org.control.addDuplicateRule({ object: "Contact", fields: ["Email"] });
    const Email = `${world.unique("twin").replace(" ", "-")}@acme.example`;
    const [id] = world.insert("Contact", { LastName: "Twin", Email });
    return { msg: { payload: { LastName: "Other", Email } }, check: ({ payload }) => assert.deepEqual((payload as { ids: string[] }[]).flatMap(({ ids }) => ids), [id]) };
  },
  bad: () => ({ msg: { payload: { Nope__c: "x" } }, error: /Nope__c/ }),
};

export const FIND_DUPLICATES_BY_IDS: Operation = {
  name: "findDuplicatesByIds",
  node: "record",
  settings: { operation: "findDuplicatesByIds" },
  takes: "an id, a record with its `Id`, or a list of these in `msg.payload`",
  gives: "by rule, the ids of records that match, in `msg.payload`",
  good: (world) => {
    const Website = "https://twins.example";
    const [first, second] = world.insert("Account", { Name: "Twin", Website }, { Name: "Other", Website });
    world.org.control.addDuplicateRule({ object: "Account", fields: ["Website"] });
    return { msg: { payload: second }, check: ({ payload }) => assert.deepEqual((payload as { ids: string[] }[]).flatMap(({ ids }) => ids), [first]) };
  },
  bad: () => ({ msg: { payload: "003000000000009AAA" }, error: /invalid cross reference id/ }),
};

export const MERGE: Operation = {
  name: "merge",
  node: "record",
  settings: { operation: "merge", object: "Account", mergeIds: "others", mergeIdsType: "msg" },
  takes: "the record that stays in `msg.payload`; ids of the others where the node says, here in `msg.others`",
  gives: "`msg.salesforce` `{id, mergedRecordIds, updatedRelatedIds}`",
  good: (world) => {
    const [Id = "", other = ""] = world.insert("Account", { Name: "stays" }, { Name: "goes" });
    return {
      msg: { payload: { Id }, others: [other] },
      check: ({ salesforce }) => {
        assert.deepEqual(salesforce?.mergedRecordIds, [other]);
        assert.deepEqual([world.record("Account", Id)?.Name, world.record("Account", other)], ["stays", undefined]);
      },
    };
  },
  bad: (world) => ({ msg: { payload: { Id: world.insert("Account", { Name: "alone" })[0] }, others: ["001000000000009AAA"] }, error: /invalid cross reference id/ }),
};

export const SEND_EMAIL: Operation = {
  name: "sendEmail",
  node: "record",
  settings: { operation: "sendEmail" },
  takes: "`{toAddresses, subject, plainTextBody, …}`, or a list, in `msg.payload`",
  gives: "`msg.salesforce.success`",
  good: async (world) => {
    const before = await mailsLeft(world);
    return { msg: { payload: { toAddresses: ["a@acme.example"], subject: "hot", plainTextBody: "92 °C" } }, check: async () => assert.ok((await mailsLeft(world)) < before) };
  },
  bad: () => ({ msg: { payload: { toAddresses: ["nobody"], subject: "hot", plainTextBody: "x" } }, error: /Email address is invalid/ }),
};

export const SEND_EMAIL_MESSAGE: Operation = {
  name: "sendEmailMessage",
  node: "record",
  settings: { operation: "sendEmailMessage" },
  takes: "ids of drafts in `msg.payload`",
  gives: "`msg.salesforce` `{id, success, errors}`",
  good: (world) => {
    const [id = ""] = world.insert("EmailMessage", { Status: "5", ToAddress: "a@acme.example", Subject: "draft", TextBody: "x" });
    return { msg: { payload: id }, check: () => assert.equal(world.record("EmailMessage", id)?.Status, "3") };
  },
  bad: () => ({ msg: { payload: "02s000000000009AAA" }, error: /invalid cross reference id/ }),
};
