import { ConnectorError } from "../../../common/errors";
import { longId } from "../long-id";
import type { Session } from "../sign-in/login";
import type { StreamOrg } from "./org-streams";

/** Id of a session's org, in 18 characters. Asks the org when the login did not give it, as with a pasted token. @throws ConnectorError */
export async function orgIdOf(org: Pick<StreamOrg, "rest">, { orgId }: Session): Promise<string> {
  const id = orgId ?? (await userInfo(org)).organization_id;
  if (!id) throw new ConnectorError("ORG_LOGIN_FAILED", "The org does not say which org the access token is for");
  return longId(id);
}

/** Id of a session's user, in 18 characters. Otherwise as {@link orgIdOf}. */
export async function userIdOf(org: Pick<StreamOrg, "rest">, { userId }: Session): Promise<string> {
  const id = userId ?? (await userInfo(org)).user_id;
  if (!id) throw new ConnectorError("ORG_LOGIN_FAILED", "The org does not say whose access token it is");
  return longId(id);
}

async function userInfo(org: Pick<StreamOrg, "rest">): Promise<{ organization_id?: string; user_id?: string }> {
  const { body } = await org.rest.raw({ method: "GET", path: "/services/oauth2/userinfo", type: "application/json" });
  return JSON.parse(body) as { organization_id?: string; user_id?: string };
}
