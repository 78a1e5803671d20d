import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, type Emulator, type EmulatorOptions } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { login, type LoginFlow, type LoginSettings, type OrgCredentials } from "../../../../nodes/salesforce/client/sign-in/login";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { HttpTransport } from "../../../../nodes/salesforce/client/http/transport";
import { clientCredentials, keys, Orgs, tokenRequests } from "../../support";
import { connectByBrowser } from "./browser";

const APP = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
const USER = { username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD };
const is = (code: string, text = /./) => (error: unknown) => {
  assert.equal((error as ConnectorError).code, code, String(error));
  assert.match((error as ConnectorError).message, text);
  return true;
};
const limits = (client: OrgClient) => client.rest.request({ method: "GET", path: "/limits" });

describe("Signing in", () => {
  const orgs = new Orgs();
  const transport = new HttpTransport();
  const pair = keys();
  const folder = mkdtempSync(join(tmpdir(), "surewire-key-"));
  afterEach(() => orgs.stop());
  after(() => {
    transport.close();
    rmSync(folder, { recursive: true });
  });

  /** An org, and what signs in to it, for each flow. */
  const FLOWS: Record<Exclude<LoginFlow, "access-token">, { options?: EmulatorOptions; credentials: (org: Emulator) => Promise<OrgCredentials> | OrgCredentials }> = {
    "client-credentials": { credentials: () => APP },
    "jwt-bearer": {
      options: { clients: [{ clientId: "app", publicKey: pair.publicKey, username: DEFAULT_USERNAME }] },
      credentials: () => ({ clientId: "app", username: DEFAULT_USERNAME, privateKey: pair.privateKey }),
    },
    "web-server": { credentials: async (org) => ({ ...APP, refreshToken: await connectByBrowser(org) }) },
    password: { credentials: () => ({ ...APP, ...USER }) },
    "soap-login": { credentials: () => USER },
  };

  async function start(flow: keyof typeof FLOWS): Promise<{ org: Emulator; settings: LoginSettings }> {
    const org = await orgs.start(FLOWS[flow].options);
    return { org, settings: { loginUrl: org.url, flow, credentials: await FLOWS[flow].credentials(org) } };
  }

  for (const flow of Object.keys(FLOWS) as (keyof typeof FLOWS)[]) {
    describe(`by ${flow}`, () => {
      it("gives a session that works, and knows org and user", async () => {
        const { org, settings } = await start(flow);
        const session = await login(transport, settings);
        assert.match(session.orgId ?? "", /^00D/);
        assert.match(session.userId ?? "", /^005/);
        assert.equal(session.instanceUrl, org.url);
        const client = orgs.client({ ...clientCredentials(org), ...settings });
        assert.equal((await limits(client)).status, 200);
      });

      it("gets one new token for all calls when the session has expired, and one more when it was revoked", async () => {
        const { org, settings } = await start(flow);
        const client = orgs.client({ ...clientCredentials(org), ...settings });
        await limits(client);
        const before = org.control.stats().logins;
        org.control.expireTokens();
        await Promise.all(Array.from({ length: 30 }, () => limits(client)));
        assert.equal(org.control.stats().logins, before + 1);
        await fetch(`${org.url}/services/oauth2/revoke`, { method: "POST", body: new URLSearchParams({ token: client.session!.accessToken }) });
        assert.equal((await limits(client)).status, 200);
        assert.equal(org.control.stats().logins, before + 2);
      });

      it("waits minutes when the login rate is exceeded, however many ask", async () => {
        const { org, settings } = await start(flow);
        org.control.exceedLoginRate();
        const client = orgs.client({ ...clientCredentials(org), ...settings });
        const before = tokenRequests(org);
        const check = is("ORG_LIMIT", /takes no more logins/);
        for (let i = 0; i < 20; i += 1) await assert.rejects(limits(client), (error) => check(error) && ((error as ConnectorError).details.retryAfter as number) >= 240_000);
        assert.ok(tokenRequests(org) <= before + 1);
        assert.equal(client.state.kind, "waiting");
      });

      it("takes an outage of the login host for what it is", async () => {
        const { org, settings } = await start(flow);
        for (const html of [false, true]) {
          org.control.unavailable({ oauth: true, html });
          await assert.rejects(login(transport, settings), is("ORG_UNAVAILABLE", /503/));
        }
      });

      it("tries again soon when the login host says that it may be tried again, or is at work on another one", async () => {
        if (flow === "soap-login") return;
        const { org, settings } = await start(flow);
        for (const [errorCode, message] of [["unknown_error", "retry your request"], ["invalid_request", "token request is already being processed"]] as const) {
          org.control.failNext({ status: 400, errorCode, message, oauth: true, path: "oauth2/token" });
          await assert.rejects(login(transport, settings), is("ORG_UNAVAILABLE", new RegExp(errorCode)));
        }
      });

      it("does nothing without what it needs", async () => {
        const { org } = await start(flow);
        const before = org.control.stats().tokenRequests;
        await assert.rejects(login(transport, { loginUrl: org.url, flow, credentials: {} }), is("NOT_CONFIGURED"));
        assert.equal(org.control.stats().tokenRequests, before);
      });
    });
  }

  for (const audience of ["https://login.salesforce.com", "https://test.salesforce.com"]) {
    it(`by JWT finds the audience of an org that does not take its own address as one: ${audience}`, async () => {
      const org = await orgs.start({ ...FLOWS["jwt-bearer"].options, jwtAudiences: [audience] });
      const settings: LoginSettings = { loginUrl: org.url, flow: "jwt-bearer", credentials: await FLOWS["jwt-bearer"].credentials(org) };
      assert.match((await login(transport, settings)).accessToken, /^00D/);
      // as such orgs are reported to answer
      org.control.failNext({ status: 400, errorCode: "invalid_grant", message: "user hasn't approved this consumer", oauth: true, path: "oauth2/token" });
      assert.match((await login(transport, settings)).accessToken, /^00D/);
    });
  }

  it("by JWT says of a user who is not approved that he is not, whatever audience the org takes", async () => {
    for (const jwtAudiences of [undefined, ["https://login.salesforce.com"]]) {
      const org = await orgs.start({ ...FLOWS["jwt-bearer"].options, ...(jwtAudiences ? { jwtAudiences } : {}) });
      const credentials = { ...(await FLOWS["jwt-bearer"].credentials(org)), username: "other@surewire.example" };
      await assert.rejects(login(transport, { loginUrl: org.url, flow: "jwt-bearer", credentials }), is("ORG_LOGIN_FAILED", /pre-authorise the user/));
    }
  });

  it("does not send an access token that was not pasted whole, or in two lines", async () => {
    for (const accessToken of ["00D000000000001!AQ\nEA", "00D000000000001!AQ…"]) {
      await assert.rejects(login(transport, { loginUrl: "https://acme.my.salesforce.com", flow: "access-token", credentials: { accessToken } }), is("NOT_CONFIGURED", /paste it once more/));
    }
  });

  describe("is refused in words that say what to do:", () => {
    const wrong = async (flow: keyof typeof FLOWS, credentials: OrgCredentials, text: RegExp, options?: EmulatorOptions): Promise<void> => {
      const org = await orgs.start(options ?? FLOWS[flow].options);
      const good = await FLOWS[flow].credentials(org);
      await assert.rejects(login(transport, { loginUrl: org.url, flow, credentials: { ...good, ...credentials } }), is("ORG_LOGIN_FAILED", text));
    };

    it("a wrong password", () => wrong("password", { password: "x" }, /authentication failure.*security token.*block/));
    it("a password flow that the org blocks", () => wrong("password", {}, /orgs made since Summer '23 block/, { passwordGrant: false }));
    it("a wrong password by SOAP", () => wrong("soap-login", { password: "x" }, /INVALID_LOGIN.*security token/));
    it("a SOAP login that the org has off", () => wrong("soap-login", {}, /retired on 1 June 2027.*client credentials/, { soapLogin: false }));
    it("a wrong secret of the app", () => wrong("web-server", { clientSecret: "x" }, /consumer secret/));
    it("a refresh token there never was", () => wrong("web-server", { refreshToken: "5Aep861nonsense" }, /expired access\/refresh token.*connect again.*Connect to Salesforce/));

    it("a refresh token that was revoked, for good", async () => {
      const { org, settings } = await start("web-server");
      const client = orgs.client({ ...clientCredentials(org), ...settings });
      await limits(client);
      org.control.revokeRefreshTokens();
      const before = tokenRequests(org);
      for (let i = 0; i < 10; i += 1) await assert.rejects(limits(client), is("ORG_LOGIN_FAILED", /connect again/));
      assert.equal(tokenRequests(org), before + 1);
      assert.equal(client.state.kind, "failed");
    });

    it("a user of each state", async () => {
      const { org, settings } = await start("password");
      for (const [state, text] of [
        ["inactive", /activate the user/],
        ["must-reset-password", /new password in the browser/],
        ["ip-restricted", /machine's address/],
        ["not-admin-approved", /pre-authorise/],
      ] as const) {
        org.control.setUser({ username: DEFAULT_USERNAME, state });
        await assert.rejects(login(transport, settings), is("ORG_LOGIN_FAILED", text));
      }
    });
  });

  it("takes the password with the security token behind it", async () => {
    const org = await orgs.start({ clients: [{ ...APP, username: "app@x.example" }], users: [{ ...USER, password: "p<&>'\"ä", securityToken: "tok" }] });
    for (const flow of ["password", "soap-login"] as const) {
      const credentials = { ...APP, ...USER, password: "p<&>'\"ä", securityToken: " tok " };
      assert.ok((await login(transport, { loginUrl: org.url, flow, credentials })).accessToken);
    }
  });

  it("says that a password has expired, which a SOAP session is no good with", async () => {
    const { org, settings } = await start("soap-login");
    org.control.setUser({ username: DEFAULT_USERNAME, state: "must-reset-password" });
    await assert.rejects(login(transport, settings), is("ORG_LOGIN_FAILED", /password has expired/));
  });

  it("goes on with the refresh token that a rotation has given, and tells of it", async () => {
    const org = await orgs.start({ clients: [{ ...APP, username: DEFAULT_USERNAME, rotateRefreshTokens: true }], users: [USER] });
    const seen: string[] = [];
    const credentials = { ...APP, refreshToken: await connectByBrowser(org) };
    const client = orgs.client({ ...clientCredentials(org), flow: "web-server", credentials, onRefreshToken: (token) => seen.push(token) });
    for (let i = 0; i < 3; i += 1) {
      org.control.expireTokens();
      await limits(client);
    }
    assert.equal(new Set([...seen, credentials.refreshToken]).size, 4);
    assert.ok(!("refreshToken" in client.session!));
  });

  describe("with a key from a file", () => {
    const file = join(folder, "key.pem");
    const signIn = (org: Emulator, keyFile = file) =>
      login(transport, { loginUrl: org.url, flow: "jwt-bearer", keyFile, credentials: { clientId: "app", username: DEFAULT_USERNAME, privateKey: "not looked at" } });

    it("reads it at each login, in place of the credential", async () => {
      const { org } = await start("jwt-bearer");
      writeFileSync(file, pair.wrongKey);
      await assert.rejects(signIn(org), is("ORG_LOGIN_FAILED", /invalid assertion.*certificate/));
      writeFileSync(file, pair.privateKey);
      assert.ok((await signIn(org)).accessToken);
    });

    it("says which file is not there, and never what is in one", async () => {
      const { org } = await start("jwt-bearer");
      await assert.rejects(signIn(org, join(folder, "none.pem")), is("NOT_CONFIGURED", /none\.pem is not there/));
      await assert.rejects(signIn(org, folder), is("NOT_CONFIGURED", /cannot be read \(EISDIR\)/));
      writeFileSync(file, "some secret text");
      await assert.rejects(signIn(org), (error) => is("ORG_LOGIN_FAILED", /not PEM text/)(error) && !String((error as Error).stack).includes("secret text"));
    });
  });

  it("names the host that a login URL has moved to", async () => {
    const server = createServer((_request, response) => response.writeHead(301, { location: "https://acme.my.salesforce.com/x" }).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const loginUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await assert.rejects(login(transport, { loginUrl, flow: "client-credentials", credentials: APP }), is("ORG_UNAVAILABLE", /redirect to acme\.my\.salesforce\.com/));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
