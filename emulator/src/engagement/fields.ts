/** The fields of all objects of Account Engagement. */
const COMMON = ["id", "createdAt", "updatedAt"];

/**
 * The collections of version 5, and their fields. Those of prospect accounts and prospects are from the vendor's object pages, all others from memory.
 */
export const COLLECTIONS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({
    campaigns: ["name", "cost", "folderId", "isDeleted", "salesforceId"],
    "email-clicks": ["prospectId", "url", "listEmailId", "emailTemplateId"],
    forms: ["name", "campaignId", "folderId", "isDeleted", "embedCode"],
    "lifecycle-histories": ["prospectId", "previousStageId", "nextStageId", "secondsElapsed"],
    "lifecycle-stages": ["name", "position", "isLocked", "isDeleted"],
    lists: ["name", "title", "description", "isPublic", "isDynamic", "folderId", "isDeleted"],
    opportunities: ["name", "value", "probability", "type", "stage", "status", "campaignId", "closedAt"],
    "prospect-accounts": ["name", "salesforceId", "isDeleted", "annualRevenue", "billingCity", "billingCountry", "billingState"],
    prospects: ["email", "firstName", "lastName", "company", "phone", "score", "campaignId", "prospectAccountId", "salesforceId", "isDeleted"],
    tags: ["name", "objectCount"],
    users: ["email", "firstName", "lastName", "role", "isDeleted", "salesforceId"],
    "visitor-activities": ["prospectId", "visitorId", "type", "typeName", "details", "campaignId"],
    visitors: ["prospectId", "pageViewCount", "ipAddress", "hostname", "campaignId"],
    visits: ["visitorId", "prospectId", "visitorPageViewCount", "durationInSeconds", "campaignId"],
  }).map(([name, fields]) => [name, [...COMMON, ...fields]]),
);

/** The fields of a prospect that a client may write. */
export const PROSPECT_WRITEABLE: ReadonlySet<string> = new Set(["email", "firstName", "lastName", "company", "phone", "score", "campaignId", "salesforceId"]);
