import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { OAuth2 } from "@jsforce/jsforce-node";
import type { AuthInfo, Connection } from "@salesforce/core";
import { Authority } from "../../../test/services/certificates";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, startEmulator, type Emulator } from "../../src/index";

type Core = typeof import("@salesforce/core");

/** Where it keeps its files, and that it stays by itself. It reads them once, as it is loaded. */
const ENVIRONMENT = { SF_DISABLE_LOG_FILE: "true", SF_DISABLE_TELEMETRY: "true", SFDX_DISABLE_TELEMETRY: "true", SF_USE_GENERIC_UNIX_KEYCHAIN: "true", SF_DNS_TIMEOUT: "0", SF_ORG_API_VERSION: "66.0" };

const EXTERNAL_ID = "Device_Event_Id__c";

/**
 * The library of Salesforce's own command line, over https. Not by JWT: it writes `exp` in milliseconds, which the emulator refuses as the
 * documentation has it, and then tries the same with login.salesforce.com.
 */
describe("@salesforce/core, as it comes from npm", function () {
  const home = mkdtempSync(join(tmpdir(), "surewire-sf-"));
  const authority = new Authority();
  const kept = { environment: { ...process.env }, certificates: tls.getCACertificates("default") };
  let core: Core;
  let emulator: Emulator;
  let authInfo: AuthInfo;
  let connection: Connection;
  let oauth2: OAuth2;

  before(async () => {
    Object.assign(process.env, ENVIRONMENT, { HOME: home, USERPROFILE: home });
    tls.setDefaultCACertificates([...kept.certificates, String(authority.ca.cert)]);
    const { cert, key } = authority.server("IP:127.0.0.1");
    emulator = await startEmulator({ tls: { cert: String(cert), key: String(key) } });
    core = await import("@salesforce/core");
    const code = await authCode();
    authInfo = await core.AuthInfo.create({ oauth2Options: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, loginUrl: emulator.url, authCode: code }, oauth2 });
    connection = await core.Connection.create({ authInfo });
  });
  after(async () => {
    await emulator?.stop();
    authority.remove();
    tls.setDefaultCACertificates(kept.certificates);
    for (const name of [...Object.keys(ENVIRONMENT), "HOME", "USERPROFILE"]) {
      const value = kept.environment[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(home, { recursive: true, force: true });
  });

  /** What somebody does in the browser that the command line opens. */
  async function authCode(): Promise<string> {
    const options = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, loginUrl: emulator.url, redirectUri: "http://localhost:1717/OauthRedirect" };
    oauth2 = new OAuth2({ ...options, useVerifier: true });
    const page = core.AuthInfo.getAuthorizationUrl({ ...options, scope: "api refresh_token" }, oauth2);
    const answer = await fetch(page, { method: "POST", body: new URLSearchParams({ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD, decision: "approve" }), redirect: "manual" });
    return new URL(answer.headers.get("location") ?? "http://none").searchParams.get("code") ?? "";
  }

  it("signs in on the web with PKCE, and keeps the org in its own files", async () => {
    assert.equal((await connection.identity()).username, DEFAULT_USERNAME);
    const { username, orgId, instanceUrl, refreshToken } = authInfo.getFields(true);
    assert.deepEqual([username, instanceUrl], [DEFAULT_USERNAME, emulator.url]);
    assert.match(orgId ?? "", /^00D\w{15}$/);
    assert.ok(refreshToken);
    await authInfo.save();
    assert.ok(readdirSync(join(home, ".sfdx")).includes(`${DEFAULT_USERNAME}.json`));
  });

  it("renews an expired token", async () => {
    const before = connection.accessToken;
    emulator.control.expireTokens();
    assert.equal((await connection.query("SELECT Id FROM User")).done, true);
    assert.notEqual(connection.accessToken, before);
  });

  it("takes an access token", async () => {
    const own = await core.AuthInfo.create({ accessTokenOptions: { accessToken: connection.accessToken!, loginUrl: emulator.url, instanceUrl: emulator.url } });
    assert.equal(own.getUsername(), DEFAULT_USERNAME);
  });

  it("creates, reads, changes and deletes records", async () => {
    const { id } = (await connection.sobject("Case").create({ Subject: "from sf" })) as { id: string };
    await connection.sobject("Case").update({ Id: id, Priority: "High" });
    const one = await connection.singleRecordQuery<{ Id: string; Priority: string }>("SELECT Id, Priority FROM Case WHERE Subject = 'from sf'");
    assert.deepEqual([one.Id, one.Priority], [id, "High"]);
    await connection.sobject("Case").destroy(id);
    await assert.rejects(connection.singleRecordQuery("SELECT Id FROM Case WHERE Subject = 'from sf'"), /No record found/i);
  });

  it("reads all pages of a query", async () => {
    emulator.control.insert({ object: "Account", records: Array.from({ length: 2050 }, (_, i) => ({ Name: `a ${i}` })) });
    const { records } = await connection.autoFetchQuery("SELECT Id FROM Account");
    assert.equal(records.length, 2050);
  });

  it("upserts in bulk", async () => {
    connection.bulk2.pollInterval = 20;
    const input = [{ [EXTERNAL_ID]: "sf-1", Subject: "a", Origin: "Web" }, { [EXTERNAL_ID]: "sf-2", Subject: "b", Origin: "Foo" }];
    const { successfulResults, failedResults } = await connection.bulk2.loadAndWaitForResults({ object: "Case", operation: "upsert", externalIdFieldName: EXTERNAL_ID, input });
    assert.deepEqual(successfulResults.map(({ sf__Created }) => sf__Created), ["true"]);
    assert.match(failedResults[0]!.sf__Error, /INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST/);
  });

  it("knows the org, its newest version and its limits", async () => {
    const org = await core.Org.create({ connection });
    assert.equal(org.getUsername(), DEFAULT_USERNAME);
    assert.match(await connection.retrieveMaxApiVersion(), /^\d+\.0$/);
    const { records } = await connection.query<{ Id: string; Name: string }>("SELECT Id, Name FROM Organization");
    assert.equal(records[0]?.Id, authInfo.getFields().orgId);
    assert.ok((await connection.limits())["DailyApiRequests"]!.Remaining > 0);
  });
});
