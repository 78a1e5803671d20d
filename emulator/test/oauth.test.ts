import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_USERNAME, startEmulator, type Emulator, type UserState } from "../src/index";
import { Api, askToken, assertError, http, login, PUBLIC_KEY, signJwt, type Answer } from "./helpers";

const CREDENTIALS = { grant_type: "client_credentials", client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET };
const JWT_CLIENT = "jwt-client";
const JWT_USER = "jwt@surewire.example";

function assertRefused(answer: Answer, error: string, description: string): void {
  assert.equal(answer.status, 400);
  assert.deepEqual(answer.body, { error, error_description: description });
}

describe("OAuth", () => {
  let emulator: Emulator;

  before(async () => {
    emulator = await startEmulator({
      clients: [
        { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, username: DEFAULT_USERNAME },
        { clientId: JWT_CLIENT, publicKey: PUBLIC_KEY, username: JWT_USER },
      ],
    });
  });
  after(() => emulator.stop());
  afterEach(() => emulator.control.reset());

  describe("client credentials", () => {
    it("gives an opaque token, the instance and the identity, and no refresh token or lifetime", async () => {
      const { status, body } = await askToken(emulator, CREDENTIALS);
      assert.equal(status, 200);
      assert.match(body.access_token, /^00D\w{12}!\S+$/);
      assert.equal(body.instance_url, emulator.url);
      assert.match(body.id, /\/id\/00D\w{15}\/005\w{15}$/);
      assert.equal(body.token_type, "Bearer");
      assert.equal(body.token_format, "opaque");
      assert.ok(!("refresh_token" in body) && !("expires_in" in body));
    });

    it("takes the client by HTTP Basic too", async () => {
      const basic = Buffer.from(`${DEFAULT_CLIENT_ID}:${DEFAULT_CLIENT_SECRET}`).toString("base64");
      const { status } = await askToken(emulator, { grant_type: "client_credentials" }, { Authorization: `Basic ${basic}` });
      assert.equal(status, 200);
    });

    it("refuses an unknown client", async () => {
      assertRefused(await askToken(emulator, { ...CREDENTIALS, client_id: "nobody" }), "invalid_client_id", "client identifier invalid");
    });

    it("refuses a wrong secret", async () => {
      assertRefused(await askToken(emulator, { ...CREDENTIALS, client_secret: "wrong" }), "invalid_client", "invalid client credentials");
    });

    it("refuses a client that has no user for this flow", async () => {
      const answer = await askToken(emulator, { ...CREDENTIALS, client_id: JWT_CLIENT });
      assertRefused(answer, "invalid_grant", "no client credentials user enabled");
    });

    const states: [UserState, string, string][] = [
      ["inactive", "invalid_grant", "inactive user"],
      ["must-reset-password", "invalid_grant", "user must reset password"],
      ["ip-restricted", "invalid_grant", "ip restricted"],
      ["not-admin-approved", "invalid_app_access", "user is not admin approved to access this app"],
    ];
    for (const [state, error, description] of states) {
      it(`refuses a user that is ${state}`, async () => {
        emulator.control.setUser({ username: DEFAULT_USERNAME, state });
        assertRefused(await askToken(emulator, CREDENTIALS), error, description);
      });
    }

    it("refuses more logins than an hour allows, and takes them again an hour later", async () => {
      const strict = await startEmulator({ loginLimit: 2 });
      try {
        await login(strict);
        await login(strict);
        assertRefused(await askToken(strict, CREDENTIALS), "invalid_grant", "login rate exceeded");
        strict.control.shiftClock({ ms: 3_600_001 });
        assert.equal((await askToken(strict, CREDENTIALS)).status, 200);
      } finally {
        await strict.stop();
      }
    });
  });

  describe("JWT bearer", () => {
    const ask = (claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<Answer> =>
      askAssertion(signJwt({ ...good(), ...claims }, header));
    const askAssertion = (assertion: string): Promise<Answer> =>
      askToken(emulator, { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
    const now = (): number => Math.floor(Date.now() / 1000);
    const good = (): Record<string, unknown> => ({ iss: JWT_CLIENT, sub: JWT_USER, aud: "https://login.salesforce.com", exp: now() + 180 });

    it("gives a token that works, without issued_at, signature or refresh token", async () => {
      const { status, body } = await ask({});
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body).sort(), ["access_token", "id", "instance_url", "scope", "token_type"]);
      const limits = await http(`${body.instance_url}/services/data/v66.0/limits`, {
        headers: { Authorization: `Bearer ${body.access_token}` },
      });
      assert.equal(limits.status, 200);
    });

    it("accepts its own address as audience, like that of a My Domain", async () => {
      assert.equal((await ask({ aud: emulator.url })).status, 200);
    });

    it("refuses a signature of another key", async () => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      assertRefused(await askAssertion(signJwt(good(), undefined, privateKey)), "invalid_grant", "invalid assertion");
    });

    it("refuses claims changed after signing", async () => {
      const [header, , signature] = signJwt(good()).split(".");
      const forged = Buffer.from(JSON.stringify({ ...good(), exp: now() + 299 })).toString("base64url");
      assertRefused(await askAssertion(`${header}.${forged}.${signature}`), "invalid_grant", "invalid assertion");
    });

    it("refuses an unsigned assertion and another algorithm", async () => {
      assertRefused(await ask({}, { alg: "none" }), "invalid_grant", "invalid assertion");
      assertRefused(await ask({}, { alg: "HS256" }), "invalid_grant", "invalid assertion");
    });

    it("refuses what is not a JWT", async () => {
      for (const assertion of ["", "abc", "a.b.c", "e30.e30"]) {
        assertRefused(await askAssertion(assertion), "invalid_grant", "invalid assertion");
      }
    });

    it("refuses an unknown issuer", async () => {
      assertRefused(await ask({ iss: "nobody" }), "invalid_client_id", "client identifier invalid");
    });

    it("refuses a wrong audience, such as that of sandboxes", async () => {
      for (const aud of ["https://example.com", "https://test.salesforce.com"]) assertRefused(await ask({ aud }), "invalid_grant", "audience is invalid");
    });

    it("refuses an exp that is past, too far ahead, or in milliseconds", async () => {
      for (const exp of [now() - 1, now() + 400, Date.now() + 180_000]) {
        assertRefused(await ask({ exp }), "invalid_grant", "expired authorization code");
      }
    });

    it("refuses a user who has not approved the client", async () => {
      assertRefused(await ask({ sub: "other@surewire.example" }), "invalid_grant", "user hasn't approved this consumer");
      emulator.control.setUser({ username: JWT_USER, state: "not-approved" });
      assertRefused(await ask({}), "invalid_grant", "user hasn't approved this consumer");
    });
  });

  it("refuses grants it does not have", async () => {
    assertRefused(await askToken(emulator, { grant_type: "magic" }), "unsupported_grant_type", "grant type not supported");
    assertRefused(await askToken(emulator, {}), "unsupported_grant_type", "grant type not supported");
  });

  it("refuses a form sent as JSON", async () => {
    const init = { method: "POST", body: JSON.stringify(CREDENTIALS), headers: { "Content-Type": "application/json" } };
    assertRefused(await http(`${emulator.url}/services/oauth2/token`, init), "unsupported_grant_type", "grant type not supported");
  });

  it("tells to whom a token belongs, by userinfo and by the identity URL", async () => {
    const { body } = await askToken(emulator, CREDENTIALS);
    const headers = { Authorization: `Bearer ${body.access_token}` };
    for (const url of [`${emulator.url}/services/oauth2/userinfo`, body.id]) {
      const answer = await http(url, { headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.username, DEFAULT_USERNAME);
      assert.equal(answer.body.organization_id, body.id.split("/").at(-2));
      assert.equal(answer.body.user_id, body.id.split("/").at(-1));
    }
  });

  it("answers a bad token for userinfo with 403 in plain text", async () => {
    const answer = await http(`${emulator.url}/services/oauth2/userinfo`, { headers: { Authorization: "Bearer nonsense" } });
    assert.deepEqual([answer.status, answer.body], [403, "Bad_OAuth_Token"]);
  });

  it("ends a token that is revoked", async () => {
    const api = await Api.connect(emulator);
    const revoked = await http(`${emulator.url}/services/oauth2/revoke`, {
      method: "POST",
      body: new URLSearchParams({ token: api.token }),
    });
    assert.deepEqual([revoked.status, revoked.body], [200, ""]);
    assertError(await api.get("/limits"), 401, "INVALID_SESSION_ID", "Session expired or invalid");
  });

  it("ends a token when its time is over", async () => {
    const api = await Api.connect(emulator);
    emulator.control.shiftClock({ ms: 2 * 60 * 60 * 1000 });
    assertError(await api.get("/limits"), 401, "INVALID_SESSION_ID", "Session expired or invalid");
  });

  it("refuses a public key that is too short before it starts", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    await assert.rejects(startEmulator({ clients: [{ clientId: "c", publicKey: pem, username: "u@x.example" }] }), /at least 2,048 bits/);
    await assert.rejects(startEmulator({ clients: [{ clientId: "c", publicKey: "nonsense", username: "u@x.example" }] }), /no PEM/);
  });
});
