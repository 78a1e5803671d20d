import type { RawRequest } from "../rest";

/** The host of a request: the org's own, or that of Account Engagement. */
export type RequestHost = "org" | "account-engagement";

/** A call whose method and path the form fills in. */
export interface RequestPreset {
  /** The name that is saved in flows. Its label is `preset.<id>` in the locale files. */
  id: string;
  /** The label of the group is `group.<group>` in the locale files. */
  group: "composite" | "org" | "reports" | "code" | "analytics" | "engagement" | "soap";
  method: RawRequest["method"];
  /** The path, as in the node's form: `{{name}}` stands for a property of the message, `{version}` for the API version. */
  path: string;
  /** Default `org`. */
  host?: RequestHost;
  /** Whether the call has a body, by default `msg.payload`. */
  body?: true;
}

/** The preset that is more than a single call: it uploads rows or CSV as a dataset of CRM Analytics. */
export const UPLOAD_PRESET = "analytics-upload";

/** Collections of Account Engagement version 5, with the fields that their presets read. The API requires that every read names fields. */
const COLLECTIONS: Record<string, string> = {
  campaigns: "id,name,cost",
  "email-clicks": "id,prospectId,url,createdAt",
  forms: "id,name,campaignId",
  "lifecycle-histories": "id,prospectId,previousStageId,nextStageId,createdAt",
  "lifecycle-stages": "id,name,position",
  lists: "id,name,title",
  opportunities: "id,name,value,probability,status",
  "prospect-accounts": "id,name",
  prospects: "id,email,firstName,lastName,company",
  tags: "id,name",
  users: "id,email,firstName,lastName",
  "visitor-activities": "id,prospectId,visitorId,typeName,createdAt",
  visitors: "id,prospectId,pageViewCount",
  visits: "id,visitorId,prospectId,visitorPageViewCount",
};

const engagement = (id: string, method: RequestPreset["method"], path: string, body?: true): RequestPreset => ({
  id: `engagement-${id}`,
  group: "engagement",
  method,
  path: `/api/v5/objects/${path}`,
  host: "account-engagement",
  ...(body ? { body } : {}),
});

/** All presets, in the order of the form. */
export const REQUEST_PRESETS: readonly RequestPreset[] = [
  { id: "composite", group: "composite", method: "POST", path: "/composite", body: true },
  { id: "composite-batch", group: "composite", method: "POST", path: "/composite/batch", body: true },
  { id: "composite-graph", group: "composite", method: "POST", path: "/composite/graph", body: true },

  { id: "limits", group: "org", method: "GET", path: "/limits" },
  { id: "resources", group: "org", method: "GET", path: "/" },

  { id: "report-list", group: "reports", method: "GET", path: "/analytics/reports" },
  { id: "report-describe", group: "reports", method: "GET", path: "/analytics/reports/{{reportId}}/describe" },
  { id: "report-run", group: "reports", method: "GET", path: "/analytics/reports/{{reportId}}?includeDetails=true" },
  { id: "report-run-filtered", group: "reports", method: "POST", path: "/analytics/reports/{{reportId}}?includeDetails=true", body: true },
  { id: "report-start", group: "reports", method: "POST", path: "/analytics/reports/{{reportId}}/instances", body: true },
  { id: "report-result", group: "reports", method: "GET", path: "/analytics/reports/{{reportId}}/instances/{{instanceId}}" },

  { id: "apex-get", group: "code", method: "GET", path: "/services/apexrest/" },
  { id: "apex-post", group: "code", method: "POST", path: "/services/apexrest/", body: true },
  { id: "action-standard", group: "code", method: "POST", path: "/actions/standard/{{action}}", body: true },
  { id: "action-flow", group: "code", method: "POST", path: "/actions/custom/flow/{{flow}}", body: true },
  { id: "action-apex", group: "code", method: "POST", path: "/actions/custom/apex/{{action}}", body: true },

  { id: "analytics-resources", group: "analytics", method: "GET", path: "/wave" },
  { id: "analytics-lenses", group: "analytics", method: "GET", path: "/wave/lenses" },
  { id: "analytics-dashboards", group: "analytics", method: "GET", path: "/wave/dashboards" },
  { id: "analytics-dashboard-create", group: "analytics", method: "POST", path: "/wave/dashboards", body: true },
  { id: "analytics-dashboard-update", group: "analytics", method: "PATCH", path: "/wave/dashboards/{{id}}", body: true },
  { id: "analytics-datasets", group: "analytics", method: "GET", path: "/wave/datasets" },
  { id: "analytics-dataset-update", group: "analytics", method: "PATCH", path: "/wave/datasets/{{id}}", body: true },
  { id: "analytics-folders", group: "analytics", method: "GET", path: "/wave/folders" },
  { id: "analytics-folder", group: "analytics", method: "GET", path: "/wave/folders/{{id}}" },
  { id: "analytics-folder-replace", group: "analytics", method: "PUT", path: "/wave/folders/{{id}}", body: true },
  { id: "analytics-templates", group: "analytics", method: "GET", path: "/wave/templates" },
  { id: "analytics-annotations", group: "analytics", method: "GET", path: "/wave/annotations" },
  { id: "analytics-query", group: "analytics", method: "POST", path: "/wave/query", body: true },
  { id: UPLOAD_PRESET, group: "analytics", method: "POST", path: "/sobjects/InsightsExternalData", body: true },

  ...Object.entries(COLLECTIONS).flatMap(([name, fields]) => [
    engagement(`${name}-query`, "GET", `${name}?fields=${fields}&limit=200`),
    engagement(`${name}-read`, "GET", `${name}/{{id}}?fields=${fields}`),
  ]),
  engagement("prospects-create", "POST", "prospects?fields=id,email", true),
  engagement("prospects-update", "PATCH", "prospects/{{id}}?fields=id,email", true),
  engagement("prospects-delete", "DELETE", "prospects/{{id}}"),

  { id: "soap", group: "soap", method: "POST", path: "/services/Soap/u/{version}", body: true },
];
