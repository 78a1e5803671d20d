import { isConnectorError, toConnectorError } from "../../common/errors";
import { OrgClient, type OrgSettings } from "./org";
import type { ApiUsage } from "./http/usage-guard";

/** What a test found out about an org. */
export interface OrgReport {
  ok: boolean;
  /** The organisation's name; absent when the user may not read it. */
  organization?: string;
  orgId?: string;
  sandbox?: boolean;
  /** Host of the instance. */
  instance?: string;
  username?: string;
  apiVersion?: string;
  usage?: ApiUsage;
  /** Other limits of which half or more is used, as `/limits` names them. */
  scarce?: { name: string; used: number; limit: number }[];
  /** What is wrong, in words; never contains a secret. */
  problem?: string;
}

/** Longest time of a call, in ms, as someone sits in front of the form and waits. */
const LONGEST_WAIT = 15_000;

type Limits = Record<string, { Max?: number; Remaining?: number } | undefined>;
type Rows = { records: Record<string, unknown>[] };

/** Signs in to an org once, asks for the organisation, the user and the limits, and closes. Costs four API calls. Never rejects. */
export async function testOrg(settings: OrgSettings): Promise<OrgReport> {
  const client = new OrgClient({ ...settings, timeout: Math.min(settings.timeout ?? LONGEST_WAIT, LONGEST_WAIT), usage: { threshold: 0 } });
  try {
    const limits = await limitsOf(client);
    const { orgId, userId, instanceUrl = "" } = client.session ?? {};
    const facts = await Promise.all([organizationOf(client), userOf(client, userId)]);
    return {
      ok: true,
      orgId,
      instance: new URL(instanceUrl).host,
      apiVersion: client.rest.version,
      ...Object.assign({}, ...facts),
      ...usageOf(client, limits),
    };
  } catch (error) {
    return { ok: false, problem: await problemOf(client, error) };
  } finally {
    await client.close();
  }
}

/** The org's limits; none for a user without the permission *View Setup and Configuration*, whose connection is as good. */
async function limitsOf({ rest }: OrgClient): Promise<Limits> {
  try {
    return (await rest.request<Limits>({ method: "GET", path: "/limits" })).body;
  } catch (error) {
    if (!isConnectorError(error) || error.details.status !== 403) throw error;
    await rest.request({ method: "GET", path: "/" });
    return {};
  }
}

async function organizationOf(client: OrgClient): Promise<Partial<OrgReport>> {
  const [row] = await rows(client, "SELECT Id, Name, IsSandbox FROM Organization LIMIT 1");
  return row ? { organization: String(row.Name), orgId: String(row.Id), sandbox: row.IsSandbox === true } : {};
}

async function userOf(client: OrgClient, userId: string | undefined): Promise<Partial<OrgReport>> {
  if (userId && /^\w{15,18}$/.test(userId)) {
    const [row] = await rows(client, `SELECT Username FROM User WHERE Id = '${userId}'`);
    if (row) return { username: String(row.Username) };
  }
  // a pasted token does not come with the id of its user
  const answer = await client.rest.raw({ method: "GET", path: "/services/oauth2/userinfo", type: "application/json" }).catch(() => undefined);
  const name = answer && (JSON.parse(answer.body) as { preferred_username?: unknown }).preferred_username;
  return typeof name === "string" ? { username: name } : {};
}

/** Rows of a query; none when the user may not read them, as the test is about the connection. */
async function rows(client: OrgClient, soql: string): Promise<Record<string, unknown>[]> {
  const answer = await client.rest.request<Rows>({ method: "GET", path: `/query?q=${encodeURIComponent(soql)}` }).catch(() => undefined);
  return answer?.body.records ?? [];
}

function usageOf(client: OrgClient, limits: Limits): Partial<OrgReport> {
  const all = Object.entries(limits).map(([name, limit]) => ({ name, limit: limit?.Max ?? 0, used: (limit?.Max ?? 0) - (limit?.Remaining ?? 0) }));
  const calls = all.find(({ name }) => name === "DailyApiRequests");
  const usage = client.rest.usage ?? (calls ? { used: calls.used, limit: calls.limit } : undefined);
  const scarce = all.filter((one) => one !== calls && one.limit > 0 && one.used >= one.limit / 2);
  return { ...(usage ? { usage } : {}), ...(scarce.length > 0 ? { scarce } : {}) };
}

async function problemOf(client: OrgClient, reason: unknown): Promise<string> {
  const error = toConnectorError(reason, "ORG_UNAVAILABLE");
  if (error.code !== "ORG_OBJECT_UNKNOWN") return error.message;
  const answer = await client.rest.raw({ method: "GET", path: "/services/data/", type: "application/json" }).catch(() => undefined);
  const versions = answer ? (JSON.parse(answer.body) as { version?: string }[]) : [];
  const [oldest, newest] = [versions[0]?.version, versions.at(-1)?.version];
  return newest ? `The org does not offer version ${client.rest.version} of the API, only ${oldest} up to ${newest}` : error.message;
}
