import assert from "node:assert/strict";
import { REQUEST_PRESETS } from "../../../nodes/salesforce/client/requests/request-presets";
import type { Connector, Operation } from "./operation";

/** The business unit of the emulator. */
const BUSINESS_UNIT = "0Uv000000000001CAA";

/** The collections, as that connector calls them, and as paths have them. */
const COLLECTIONS: Record<string, string> = {
  campaigns: "campaigns",
  emailClicks: "email-clicks",
  forms: "forms",
  lifecycleHistories: "lifecycle-histories",
  lifecycleStages: "lifecycle-stages",
  lists: "lists",
  opportunities: "opportunities",
  prospectAccounts: "prospect-accounts",
  prospects: "prospects",
  tags: "tags",
  users: "users",
  visitorActivities: "visitor-activities",
  visitors: "visitors",
  visits: "visits",
};

/** What stands in Account Engagement before the first operation. */
export const ENGAGEMENT: Record<string, object[]> = Object.fromEntries(Object.values(COLLECTIONS).map((path) => [path, [{}, {}]]));

/** Fields that the preset asks for. */
const fieldsOf = (preset: string): string[] => /fields=([\w,]+)/.exec(REQUEST_PRESETS.find(({ id }) => id === preset)?.path ?? "")?.[1]?.split(",") ?? [];

const OPERATIONS = Object.entries(COLLECTIONS).flatMap(([name, path], place): Operation[] => {
  const settings = (preset: string): Operation["settings"] => ({ preset: `engagement-${path}-${preset}`, host: "account-engagement", businessUnitId: BUSINESS_UNIT });
  /** Of the second object: the emulator counts from 1001 on, in the order they are declared. */
  const known = 1002 + 2 * place;
  return [
    {
      name: `${name} query`,
      node: "request",
      settings: settings("query"),
      takes: "nothing",
      gives: "`msg.payload.values`",
      good: () => ({
        msg: {},
        check: ({ payload }) => {
          const { values } = payload as { values: { id: number }[] };
          assert.equal(values.length, 2);
          assert.deepEqual(Object.keys(values[0]!).sort(), fieldsOf(`engagement-${path}-query`).sort());
          assert.equal(values[1]?.id, known);
        },
      }),
    },
    {
      name: `${name} read`,
      node: "request",
      settings: settings("read"),
      takes: "`msg.id`",
      gives: "`msg.payload`",
      good: () => ({ msg: { id: known }, check: ({ payload }) => assert.equal((payload as { id: number }).id, known) }),
      bad: () => ({ msg: { id: 999_999 }, error: /id 999999 does not exist/ }),
    },
  ];
});

/** Account Engagement, version 5. */
export const ACCOUNT_ENGAGEMENT: Connector = {
  title: "Account Engagement (Pardot)",
  text: "Presets of `salesforce request` with the host of Account Engagement and the business unit, which is set in the node. They ask for the usual fields; the path says which. Prospects can also be created, updated and deleted.",
  operations: OPERATIONS,
};
