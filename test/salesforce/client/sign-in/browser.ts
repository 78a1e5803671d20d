import assert from "node:assert/strict";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, type Emulator } from "../../../../emulator/src/index";

/** What a user of the emulator's login page does: signs in and allows, or denies. Gives the address the page sends the browser to. */
export async function allow(authorizeUrl: string, decision: "approve" | "deny" = "approve"): Promise<string> {
  const body = new URLSearchParams({ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD, decision });
  const answer = await fetch(authorizeUrl, { method: "POST", body, redirect: "manual" });
  assert.equal(answer.status, 302, await answer.text());
  return answer.headers.get("location")!;
}

/** A refresh token of the emulator's default user, had by hand. */
export async function connectByBrowser(org: Emulator): Promise<string> {
  const redirectUri = "http://localhost/callback";
  const query = { response_type: "code", client_id: DEFAULT_CLIENT_ID, redirect_uri: redirectUri, scope: "api refresh_token" };
  const back = new URL(await allow(`${org.url}/services/oauth2/authorize?${new URLSearchParams(query).toString()}`));
  const form = { grant_type: "authorization_code", code: back.searchParams.get("code")!, redirect_uri: redirectUri, client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET };
  const answer = await fetch(`${org.url}/services/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
  return ((await answer.json()) as { refresh_token: string }).refresh_token;
}
