import assert from "node:assert/strict";
import { createDecipheriv, createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeAPI } from "node-red";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, type Emulator } from "../../../emulator/src/index";
import orgNode = require("../../../nodes/salesforce/org/org");
import type { Outcome } from "../../../nodes/salesforce/client/sign-in/authorizations";
import type { OrgReport } from "../../../nodes/salesforce/client/org-test";
import { NodeRed, type FlowNode } from "../../services/node-red";
import { waitFor } from "../../services/wait";
import { allow, connectByBrowser } from "../client/sign-in/browser";
import { keys, Orgs } from "../support";
import { inTheEditor } from "./in-the-editor";

const APP = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
const PATH = "/surewire/salesforce-org";

describe("The salesforce org's form", function () {
  this.timeout(150_000);
  const orgs = new Orgs();
  const pair = keys();
  /** Whatever the admin API has answered, with headers. */
  const answers: string[] = [];
  /** Every secret that was used, to look for in the end. */
  const secrets = new Set<string>([DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, pair.privateKey.split("\n")[1]!]);
  let nodeRed: NodeRed;
  let org: Emulator;
  let other: Emulator;

  before(async () => {
    nodeRed = await new NodeRed({ env: { ORG_SECRET: DEFAULT_CLIENT_SECRET }, logLevel: "trace", editor: true }).start();
    const app = { ...APP, username: DEFAULT_USERNAME, publicKey: pair.publicKey, redirectUris: [callback(), "http://localhost/callback"] };
    org = await orgs.start({ clients: [app], users: [{ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD }] });
    other = await orgs.start();
    await deploy();
  });
  after(async () => {
    await nodeRed?.stop();
    await orgs.stop();
  });

  const callback = (): string => `${nodeRed.url}${PATH}/callback`;
  const node = (id: string, flow: string, credentials: Record<string, string>, more: object = {}): FlowNode => ({ id, type: "surewire-salesforce-org", name: "", loginUrl: org.url, flow, ...more, credentials });
  /** Two orgs in use: one by client credentials, one that is connected by the browser, or will be. */
  function deploy(connected: object = {}): Promise<void> {
    const flows: FlowNode[] = [
      { id: "tab", type: "tab", label: "t" },
      node("org", "client-credentials", { clientId: DEFAULT_CLIENT_ID, clientSecret: "${ORG_SECRET}" }),
      node("user", "web-server", APP, connected),
      { id: "case", z: "tab", type: "surewire-salesforce-case", org: "user", divisions: [], defaults: [], mapping: [], wires: [[]] },
    ];
    return nodeRed.deploy(flows);
  }
  /** What a restart would read: Node-RED keeps an AES-256-CTR of it, by the hash of its secret. */
  function savedCredentials(): Record<string, Record<string, string>> {
    const { $: text } = JSON.parse(readFileSync(join(nodeRed.userDir, "flows_cred.json"), "utf8")) as { $: string };
    const key = createHash("sha256").update("test").digest();
    const cipher = createDecipheriv("aes-256-ctr", key, Buffer.from(text.slice(0, 32), "hex"));
    return JSON.parse(cipher.update(text.slice(32), "base64", "utf8") + cipher.final("utf8")) as Record<string, Record<string, string>>;
  }
  async function ask<T>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: T; cookie: string }> {
    const init = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(nodeRed.url + PATH + path, init);
    const text = await response.text();
    answers.push(text, JSON.stringify([...response.headers]));
    return { status: response.status, body: JSON.parse(text) as T, cookie: response.headers.get("set-cookie") ?? "" };
  }
  const form = (more: object = {}): object => ({ id: "new", loginUrl: org.url, flow: "client-credentials", credentials: APP, ...more });
  const test = (more: object = {}) => ask<OrgReport & { message?: string }>("/test", form(more));

  describe("tests the connection:", () => {
    it("says which org answers, who we are, and what is used", async () => {
      org.control.setLimit({ name: "DailyBulkV2QueryJobs", used: 6000 });
      const { status, body } = await test({ apiVersion: "67.0" });
      assert.equal(status, 200);
      const { usage, orgId, ...rest } = body;
      assert.deepEqual(rest, {
        ok: true, organization: "Surewire Emulator", sandbox: false, instance: new URL(org.url).host, username: DEFAULT_USERNAME, apiVersion: "67.0",
        scarce: [{ name: "DailyBulkV2QueryJobs", used: 6000, limit: 10_000 }],
      });
      assert.match(orgId ?? "", /^00D\w{15}$/);
      assert.ok(usage && usage.limit === 1_000_000 && usage.used > 0);
    });

    it("passes for a user who may not read the org's limits", async () => {
      org.control.failNext({ status: 403, errorCode: "FORBIDDEN", path: "/limits" });
      const { body } = await test();
      assert.deepEqual([body.ok, body.username, body.scarce], [true, DEFAULT_USERNAME, undefined], JSON.stringify(body));
      assert.ok(body.usage && body.usage.used > 0);
    });

    it("signs in by every flow, before anything is deployed", async () => {
      const [refreshToken, { body }] = await Promise.all([
        connectByBrowser(org),
        fetch(`${org.url}/services/oauth2/token`, { method: "POST", body: new URLSearchParams({ grant_type: "client_credentials", client_id: APP.clientId, client_secret: APP.clientSecret }) })
          .then(async (answer) => ({ body: (await answer.json()) as { access_token: string } })),
      ]);
      const keyFile = join(nodeRed.userDir, "key.pem");
      writeFileSync(keyFile, pair.privateKey);
      secrets.add(refreshToken).add(body.access_token);
      const user = { username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD };
      for (const more of [
        { flow: "jwt-bearer", credentials: { clientId: APP.clientId, username: DEFAULT_USERNAME, privateKey: pair.privateKey } },
        { flow: "jwt-bearer", keyFile: "key.pem", credentials: { clientId: APP.clientId, username: DEFAULT_USERNAME } },
        { flow: "web-server", credentials: { ...APP, refreshToken } },
        { flow: "password", credentials: { ...APP, ...user } },
        { flow: "soap-login", credentials: user },
        { flow: "access-token", credentials: { accessToken: body.access_token } },
      ]) {
        const answer = await test(more);
        assert.deepEqual([answer.body.ok, answer.body.username], [true, DEFAULT_USERNAME], `${more.flow}: ${JSON.stringify(answer.body)}`);
      }
    });

    it("says what is wrong, in words", async () => {
      for (const [more, text] of [
        [{ credentials: { ...APP, clientSecret: "wr0ng" } }, /check the consumer secret/],
        [{ credentials: { clientId: APP.clientId } }, /no consumer secret/],
        [{ loginUrl: "http://127.0.0.1:9" }, /refused the connection/],
        [{ loginUrl: "https://acme.lightning.force.com" }, /browser pages/],
        [{ loginUrl: "https://acme.my.salesforce-setup.com/lightning/setup" }, /browser pages/],
        [{ apiVersion: "99.0" }, /does not offer version 99\.0 .*up to 68\.0/],
        [{ apiVersion: "12.0" }, /does not offer version 12\.0 .*only 31\.0 up to/],
        [{ flow: "jwt-bearer", keyFile: "none.pem", credentials: { clientId: "x", username: "y" } }, /none\.pem is not there/],
      ] as const) {
        const { body } = await test(more);
        assert.equal(body.ok, false);
        assert.match(body.problem ?? "", text);
      }
    });

    it("takes the deployed secret for one that was not touched, and variables as they are deployed", async () => {
      assert.equal((await test({ id: "org", credentials: { clientId: APP.clientId, clientSecret: "__PWRD__" } })).body.ok, true);
      assert.equal((await test({ credentials: { clientId: APP.clientId, clientSecret: "${ORG_SECRET}" } })).body.ok, true);
    });

    it("sends a stored secret to no other host, and takes none of another node", async () => {
      const before = other.control.stats().tokenRequests;
      const { status, body } = await test({ id: "org", loginUrl: other.url, credentials: { clientId: APP.clientId, clientSecret: "__PWRD__" } });
      assert.equal(status, 400);
      assert.match(body.message ?? "", /type them again/);
      assert.equal(other.control.stats().tokenRequests, before);
      assert.match((await test({ id: "case", credentials: { clientId: APP.clientId, clientSecret: "__PWRD__" } })).body.problem ?? "", /no consumer secret/);
    });

    it("takes neither a request without a flow, nor one that a form of another site could send", async () => {
      for (const body of [[], { flow: "magic" }, { flow: "toString" }]) assert.equal((await ask("/test", body)).status, 400);
      const answer = await fetch(`${nodeRed.url}${PATH}/test`, { method: "POST", body: new URLSearchParams({ flow: "password" }) });
      assert.equal(answer.status, 415);
    });
  });

  describe("connects by the browser:", () => {
    const begin = (more: object = {}, headers: Record<string, string> = {}) =>
      ask<{ url: string; handle: string; message?: string }>("/connect", form({ id: "user", flow: "web-server", callback: callback(), ...more }), headers);
    const outcome = (handle: string) => ask<Outcome>(`/connect/${handle}`);
    /** The browser coming back. */
    async function comeBack(address: string, cookie: string): Promise<{ status: number; html: string }> {
      const response = await fetch(address, { headers: { cookie: cookie.split(";")[0]! } });
      const html = await response.text();
      answers.push(html, JSON.stringify([...response.headers]));
      assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
      assert.equal(response.headers.get("referrer-policy"), "no-referrer");
      return { status: response.status, html };
    }

    it("a node waits, red, until someone has", async () => {
      await waitFor("the error", () => nodeRed.log.includes("is not connected: open its form"));
    });

    it("sends the browser to the org, takes it back, and keeps the refresh token for the next deploy", async () => {
      const { body, cookie } = await begin();
      assert.match(cookie, /HttpOnly; SameSite=Lax/);
      assert.deepEqual((await outcome(body.handle)).body, { status: "waiting" });
      const back = await allow(body.url);
      const { status, html } = await comeBack(back, cookie);
      assert.equal(status, 200);
      assert.ok(html.includes(DEFAULT_USERNAME));
      assert.deepEqual((await outcome(body.handle)).body, { status: "connected", username: DEFAULT_USERNAME, instance: new URL(org.url).host });
      assert.equal((await test({ id: "user", flow: "web-server", credentials: { clientId: APP.clientId, clientSecret: "__PWRD__" } })).body.ok, true, "before the deploy");

      const { logins } = org.control.stats();
      await deploy({ connectedAs: DEFAULT_USERNAME, connectedAt: "2026-11-21T00:00:00.000Z" });
      await waitFor("the node to sign in", () => org.control.stats().logins > logins);
      assert.deepEqual(Object.keys(savedCredentials()["user"] ?? {}).sort(), ["clientId", "clientSecret", "refreshToken"]);
    });

    it("a node that is not deployed yet, too", async () => {
      const { body, cookie } = await begin({ id: "brand-new" });
      await comeBack(await allow(body.url), cookie);
      assert.equal((await test({ id: "brand-new", flow: "web-server" })).body.ok, true);
    });

    it("accepts a state once, from the browser that began", async () => {
      const { body, cookie } = await begin();
      const back = await allow(body.url);
      assert.equal((await comeBack(back, "")).status, 400);
      assert.equal((await comeBack(back, "surewire-salesforce-connect=forged")).status, 400);
      assert.equal((await comeBack(back, cookie)).status, 200);
      assert.equal((await comeBack(back, cookie)).status, 400);
      assert.equal((await comeBack(`${callback()}?code=x&state=y`, cookie)).status, 400);
    });

    it("says that access was not allowed, or that the app is wrong", async () => {
      const denied = await begin();
      assert.match((await comeBack(await allow(denied.body.url, "deny"), denied.cookie)).html, /not allowed in the org \(access_denied/);
      assert.equal((await outcome(denied.body.handle)).body.status, "failed");
      const wrong = await begin({ credentials: { ...APP, clientSecret: "wr0ng-secret" } });
      secrets.add("wr0ng-secret");
      const { html } = await comeBack(await allow(wrong.body.url), wrong.cookie);
      assert.match(html, /check the consumer secret/);
      const spoilt = await begin();
      const back = await allow(spoilt.body.url);
      org.control.expireCodes();
      assert.match((await comeBack(back, spoilt.cookie)).html, /press Connect to Salesforce again/);
    });

    it("shows what the org says as text", async () => {
      const { body, cookie } = await begin();
      const state = new URL(body.url).searchParams.get("state")!;
      const address = `${callback()}?${new URLSearchParams({ state, error: "<img src=x>", error_description: "<script>" }).toString()}`;
      assert.ok(!/<img|<script/.test((await comeBack(address, cookie)).html));
    });

    it("sends a stored secret to no other host, and comes back to no other page", async () => {
      const stored = { credentials: { clientId: APP.clientId, clientSecret: "__PWRD__" } };
      assert.match((await begin({ ...stored, loginUrl: other.url })).body.message ?? "", /type them again/);
      assert.ok((await begin(stored)).body.url, "at the deployed host");
      assert.match((await begin({ callback: "https://evil.example/surewire/salesforce-org/callback" }, { origin: nodeRed.url })).body.message ?? "", /not this editor's/);
      assert.match((await begin({ flow: "password" })).body.message ?? "", /web-server/);
    });

    it("says in the log when the permission is revoked: connect again", async () => {
      org.control.revokeRefreshTokens();
      await deploy({ connectedAs: DEFAULT_USERNAME, connectedAt: "2026-11-21T00:00:01.000Z" });
      await waitFor("the error", () => /expired access\/refresh token.*connect again/.test(nodeRed.log));
    });
  });

  describe("in the editor", () => inTheEditor(() => nodeRed, () => org));

  describe("after all that", () => {
    it("is allowed only for users who may deploy, except the way back, and causes no error if the admin API is off", () => {
      const registered: unknown[][] = [];
      const note = (...args: unknown[]) => registered.push(args);
      const fake = { nodes: { registerType: () => undefined }, auth: { needsPermission: (permission: string) => permission }, httpAdmin: { post: note, get: note } };
      orgNode(fake as unknown as NodeAPI);
      assert.deepEqual(
        registered.map(([path, permission]) => [path, typeof permission === "string" ? permission : ""]),
        [[`${PATH}/test`, "flows.write"], [`${PATH}/connect`, "flows.write"], [`${PATH}/connect/:handle`, "flows.write"], [`${PATH}/callback`, ""]],
      );
      assert.doesNotThrow(() => orgNode({ ...fake, httpAdmin: undefined } as unknown as NodeAPI));
    });

    it("shows no secret in an answer, a header, the log at trace, or the flow file", async () => {
      const flows = readFileSync(join(nodeRed.userDir, "flows.json"), "utf8");
      const credentials = readFileSync(join(nodeRed.userDir, "flows_cred.json"), "utf8");
      const served = await (await fetch(`${nodeRed.url}/credentials/surewire-salesforce-org/pressed`)).text();
      assert.match(served, /"has_refreshToken":true/);
      for (const secret of org.control.secrets()) secrets.add(secret);
      assert.ok(secrets.size > 10);
      for (const [where, text] of Object.entries({ answers: answers.join("\n"), log: nodeRed.log, flows, credentials, served })) {
        for (const secret of secrets) assert.ok(!text.includes(secret), `a secret stands in the ${where}`);
      }
    });
  });
});
