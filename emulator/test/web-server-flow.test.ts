import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, startEmulator, type Emulator } from "../src/index";
import { askToken, http, type Answer } from "./helpers";

const CALLBACK = "http://localhost:1880/callback";
const APP = { client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET };
const PUBLIC_APP = "public-app";

function assertRefused(answer: Answer, error: string, description: string): void {
  assert.deepEqual([answer.status, answer.body], [400, { error, error_description: description }]);
}

describe("the web-server flow", () => {
  let org: Emulator;
  before(async () => {
    org = await startEmulator({
      clients: [
        { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, username: DEFAULT_USERNAME, redirectUris: [CALLBACK] },
        { clientId: PUBLIC_APP, username: DEFAULT_USERNAME, requirePkce: true, rotateRefreshTokens: true },
      ],
      users: [{ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD, securityToken: "tok" }],
    });
  });
  after(() => org.stop());
  afterEach(() => org.control.reset());

  const page = (more: Record<string, string> = {}): string => {
    const query = { response_type: "code", client_id: DEFAULT_CLIENT_ID, redirect_uri: CALLBACK, scope: "api refresh_token", state: "s1", ...more };
    return `${org.url}/services/oauth2/authorize?${new URLSearchParams(query).toString()}`;
  };
  const submit = (url: string, form: Record<string, string> = {}): Promise<Answer> => {
    const body = new URLSearchParams({ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD, decision: "approve", ...form });
    return http(url, { method: "POST", body, redirect: "manual" });
  };
  const target = (answer: Answer): URL => {
    assert.equal(answer.status, 302, JSON.stringify(answer.body));
    return new URL(answer.headers.get("location")!);
  };
  const code = async (more?: Record<string, string>): Promise<string> => target(await submit(page(more))).searchParams.get("code")!;
  const redeem = (value: string, more: Record<string, string> = {}): Promise<Answer> =>
    askToken(org, { grant_type: "authorization_code", code: value, redirect_uri: CALLBACK, ...APP, ...more });
  const refresh = (token: string, app: Record<string, string> = APP): Promise<Answer> => askToken(org, { grant_type: "refresh_token", refresh_token: token, ...app });
  const pkce = (): { verifier: string; challenge: string } => {
    const verifier = randomBytes(32).toString("base64url");
    return { verifier, challenge: createHash("sha256").update(verifier).digest("base64url") };
  };

  it("shows a page to sign in on, which nobody may frame", async () => {
    const { status, body, headers } = await http(page());
    assert.equal(status, 200);
    assert.match(body, /name="username".*name="password".*value="approve".*value="deny"/s);
    assert.equal(headers.get("x-frame-options"), "DENY");
  });

  it("gives a code for name and password, and for the code a token with a refresh token", async () => {
    const url = target(await submit(page()));
    assert.equal(url.origin + url.pathname, CALLBACK);
    assert.equal(url.searchParams.get("state"), "s1");
    const { status, body } = await redeem(url.searchParams.get("code")!);
    assert.equal(status, 200);
    assert.equal(body.scope, "api refresh_token");
    assert.ok(body.refresh_token && body.access_token && body.signature && body.issued_at && !body.expires_in);
    const again = await refresh(body.refresh_token);
    assert.equal(again.status, 200);
    assert.notEqual(again.body.access_token, body.access_token);
    assert.ok(!("refresh_token" in again.body), "without rotation there is no new one");
  });

  it("shows the page again after a wrong password, without repeating it", async () => {
    const { status, body } = await submit(page(), { password: "not-it" });
    assert.equal(status, 200);
    assert.match(body, /check your username and password/);
    assert.ok(!body.includes("not-it"));
  });

  it("sends back who denies, with the state", async () => {
    const url = target(await submit(page(), { decision: "deny" }));
    assert.deepEqual([url.searchParams.get("error"), url.searchParams.get("state"), url.searchParams.get("code")], ["access_denied", "s1", null]);
  });

  it("never redirects to an address that is not the app's", async () => {
    for (const url of [page({ redirect_uri: `${CALLBACK}/` }), page({ redirect_uri: "https://evil.example/" }), page({ client_id: "nobody" })]) {
      for (const answer of [await http(url, { redirect: "manual" }), await submit(url)]) {
        assert.equal(answer.status, 400);
        assert.equal(answer.headers.get("location"), null);
      }
    }
  });

  it("refuses what is no request for a code, by the callback", async () => {
    for (const [more, error] of [
      [{ response_type: "token" }, "unsupported_response_type"],
      [{ scope: "api everything" }, "invalid_scope"],
      [{ code_challenge: "x", code_challenge_method: "plain" }, "invalid_request"],
      [{ client_id: PUBLIC_APP }, "invalid_request"],
    ] as const) {
      assert.equal(target(await http(page(more), { redirect: "manual" })).searchParams.get("error"), error);
    }
  });

  it("takes a code once, in time, from the app and for the address it was given to", async () => {
    const once = await code();
    assert.equal((await redeem(once)).status, 200);
    assertRefused(await redeem(once), "invalid_grant", "expired authorization code");
    assertRefused(await redeem("nonsense"), "invalid_grant", "expired authorization code");
    assertRefused(await redeem(await code(), { client_id: PUBLIC_APP }), "invalid_grant", "expired authorization code");
    assertRefused(await redeem(await code(), { redirect_uri: "http://localhost/" }), "redirect_uri_mismatch", "redirect_uri must match configuration");
    assertRefused(await redeem(await code(), { client_secret: "wrong" }), "invalid_client", "invalid client credentials");
    const late = await code();
    org.control.shiftClock({ ms: 15 * 60_000 });
    assertRefused(await redeem(late), "invalid_grant", "expired authorization code");
    const ended = await code();
    assert.deepEqual(org.control.expireCodes(), { expired: 1 });
    assertRefused(await redeem(ended), "invalid_grant", "expired authorization code");
  });

  it("asks for the verifier of the challenge", async () => {
    const { verifier, challenge } = pkce();
    const more = { code_challenge: challenge, code_challenge_method: "S256" };
    assert.equal((await redeem(await code(more), { code_verifier: verifier })).status, 200);
    const wrongs: Record<string, string>[] = [{}, { code_verifier: pkce().verifier }, { code_verifier: challenge }, { code_verifier: "short" }];
    for (const wrong of wrongs) {
      assertRefused(await redeem(await code(more), wrong), "invalid_grant", "invalid code verifier");
    }
  });

  it("gives a new refresh token with each use where the app rotates them", async () => {
    const { verifier, challenge } = pkce();
    const { body } = await redeem(await code({ client_id: PUBLIC_APP, code_challenge: challenge }), { client_id: PUBLIC_APP, client_secret: "", code_verifier: verifier });
    const second = await refresh(body.refresh_token, { client_id: PUBLIC_APP });
    assert.ok(second.body.refresh_token && second.body.refresh_token !== body.refresh_token);
    assertRefused(await refresh(body.refresh_token, { client_id: PUBLIC_APP }), "invalid_grant", "expired access/refresh token");
    assert.equal((await refresh(second.body.refresh_token, { client_id: PUBLIC_APP })).status, 200);
  });

  it("ends a refresh token, and the sessions it gave, when it is revoked", async () => {
    for (const revoke of [
      (token: string) => http(`${org.url}/services/oauth2/revoke`, { method: "POST", body: new URLSearchParams({ token }) }),
      () => Promise.resolve(org.control.revokeRefreshTokens({ username: DEFAULT_USERNAME })),
    ]) {
      const { body } = await redeem(await code());
      await revoke(body.refresh_token);
      assertRefused(await refresh(body.refresh_token), "invalid_grant", "expired access/refresh token");
      const limits = await http(`${org.url}/services/data/v66.0/limits`, { headers: { Authorization: `Bearer ${body.access_token}` } });
      assert.equal(limits.status, 401);
    }
  });

  it("gives no refresh token without the scope", async () => {
    assert.ok(!("refresh_token" in (await redeem(await code({ scope: "api" }))).body));
  });

  describe("and the password grant", () => {
    const ask = (more: Record<string, string> = {}): Promise<Answer> =>
      askToken(org, { grant_type: "password", ...APP, username: DEFAULT_USERNAME, password: `${DEFAULT_PASSWORD}tok`, ...more });

    it("takes the password with the security token behind it, and gives no refresh token", async () => {
      const { status, body } = await ask({ username: DEFAULT_USERNAME.toUpperCase() });
      assert.equal(status, 200);
      assert.ok(!("refresh_token" in body));
    });

    it("refuses a wrong password, a missing token and an unknown user with the same words", async () => {
      const wrongs: Record<string, string>[] = [{ password: "x" }, { password: DEFAULT_PASSWORD }, { username: "nobody@x.example" }];
      for (const wrong of wrongs) {
        assertRefused(await ask(wrong), "invalid_grant", "authentication failure");
      }
    });

    it("can be blocked, as in newer orgs", async () => {
      const newer = await startEmulator({ passwordGrant: false });
      try {
        const form = { grant_type: "password", ...APP, username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD };
        assertRefused(await askToken(newer, form), "invalid_grant", "authentication failure");
      } finally {
        await newer.stop();
      }
    });

    it("is refused while the login rate is exceeded, as every login is", async () => {
      org.control.exceedLoginRate();
      assertRefused(await ask(), "invalid_grant", "login rate exceeded");
      org.control.clearFaults();
      assert.equal((await ask()).status, 200);
    });
  });
});
