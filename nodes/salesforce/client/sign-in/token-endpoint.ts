import { ConnectorError } from "../../../common/errors";
import { masked } from "../../../common/masked";
import { networkError } from "../errors";
import type { LoginFlow, Session } from "./login";
import { loginRefused, noLoginHost } from "./login-refusal";
import { secureOrigin } from "./login-url";
import type { HttpAnswer, HttpTransport } from "../http/transport";

/** The form fields that are not secret. */
const OPEN = new Set(["grant_type", "client_id", "username", "redirect_uri"]);

/** Refusals that say nothing about the login itself, so that the next try may succeed. The last comes when another process uses the same refresh token at the same time. */
const PASSING = /^(unknown_error|server_error|temporarily_unavailable)\b|retry your request|already being processed/i;

/**
 * Asks a login host for a token.
 *
 * @param form the form fields; they hold secrets and are never quoted
 * @throws ConnectorError as `login`
 */
export async function askToken(transport: HttpTransport, origin: string, form: Record<string, string>, flow: LoginFlow): Promise<Session> {
  const answer = await transport
    .send({
      method: "POST",
      url: `${origin}/services/oauth2/token`,
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: new URLSearchParams(form).toString(),
    })
    .catch((error: unknown) => {
      throw networkError(error);
    });
  if (answer.status === 200) return readSession(answer);
  const secrets = Object.entries(form).flatMap(([name, value]) => (OPEN.has(name) ? [] : [value]));
  const [error, description] = said(answer.body, secrets);
  if (error === undefined || answer.status >= 500 || PASSING.test(`${error} ${description}`)) {
    if (answer.status === 429) throw loginRefused("too many requests", answer.status, flow);
    throw noLoginHost(answer.status, answer.headers, error);
  }
  throw loginRefused(description === undefined ? error : `${error}: ${description}`, answer.status, flow);
}

/** The error in an answer, and its description, with secrets masked. */
function said(body: string, secrets: string[]): (string | undefined)[] {
  const { error, error_description } = parse(body);
  return [error, error_description].map((words) => (typeof words === "string" ? masked(words, secrets) : undefined));
}

function readSession(answer: HttpAnswer): Session {
  const { access_token, instance_url, id, refresh_token } = parse(answer.body);
  if (typeof access_token !== "string" || typeof instance_url !== "string") {
    throw new ConnectorError("ORG_UNAVAILABLE", "The login URL answered without a token; is it a Salesforce login host?");
  }
  // …/id/<org id>/<user id>
  const [userId, orgId] = typeof id === "string" ? id.split("/").reverse() : [];
  return {
    accessToken: access_token,
    instanceUrl: secureOrigin(instance_url, "instance URL"),
    orgId,
    userId,
    ...(typeof refresh_token === "string" ? { refreshToken: refresh_token } : {}),
  };
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
