/** Fields every object of Account Engagement has. */
const COMMON = ["id", "createdAt", "updatedAt"];

/**
 * The collections of version 5 and the fields that may be asked for. Read from the object pages for prospect accounts and prospects,
 * from memory for the rest.
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

/** What a client may write of a prospect. */
export const PROSPECT_WRITEABLE: ReadonlySet<string> = new Set(["email", "firstName", "lastName", "company", "phone", "score", "campaignId", "salesforceId"]);
