import assert from "node:assert/strict";
import type { Node } from "node-red";
import helper from "node-red-node-test-helper";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME } from "../../../emulator/src/index";
import orgNode = require("../../../nodes/salesforce/org/org");
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import type { OrgHolder } from "../../../nodes/salesforce/client/org-node";
import { waitFor } from "../../services/wait";
import { connectByBrowser } from "../client/sign-in/browser";
import { keys, Orgs } from "../support";

helper.init(require.resolve("node-red"));

describe("The salesforce org node", () => {
  const orgs = new Orgs();
  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  afterEach(async () => {
    await helper.unload();
    await orgs.stop();
  });

  async function deploy(settings: object, credentials: object): Promise<Node & Required<OrgHolder>> {
    await helper.load([orgNode], [{ id: "org", type: "surewire-salesforce-org", ...settings }] as never, { org: credentials } as never);
    return helper.getNode("org") as Node & Required<OrgHolder>;
  }
  const versions = async (node: { client: OrgClient }): Promise<number> => (await node.client.rest.request({ method: "GET", path: "/limits" })).status;
  const logged = (): string[] => helper.log().args.map(([entry]) => JSON.stringify(entry));

  it("signs in with client credentials", async () => {
    const org = await orgs.start();
    const node = await deploy({ loginUrl: org.url, flow: "client-credentials", apiVersion: "66.0" }, { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET });
    assert.equal(await versions(node), 200);
    assert.ok(org.control.stats().lastRequests.some(({ path }) => path === "/services/data/v66.0/limits"));
  });

  it("signs in with a JWT and the user name and key of its credentials", async () => {
    const { publicKey, privateKey } = keys();
    const org = await orgs.start({ clients: [{ clientId: "app", publicKey, username: "device@acme.example" }] });
    const node = await deploy({ loginUrl: org.url, flow: "jwt-bearer" }, { clientId: "app", username: "device@acme.example", privateKey });
    assert.equal(await versions(node), 200);
  });

  it("takes an access token as it is", async () => {
    const org = await orgs.start();
    const first = orgs.client({ loginUrl: org.url, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET } });
    await versions({ client: first });
    const node = await deploy({ loginUrl: org.url, flow: "access-token" }, { accessToken: first.session?.accessToken });
    assert.equal(await versions(node), 200);
  });

  it("accepts the API version as environments write it, and reports what is not a version", async () => {
    const org = await orgs.start();
    const credentials = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
    for (const apiVersion of ["66", "v66.0", " 66.0 "]) {
      const node = await deploy({ loginUrl: org.url, flow: "client-credentials", apiVersion }, credentials);
      assert.equal(node.client.rest.version, "66.0");
      await helper.unload();
    }
    const node = await deploy({ loginUrl: org.url, flow: "client-credentials", apiVersion: "newest" }, credentials);
    assert.equal(node.client, undefined);
    assert.match(logged().join(), /is no version of the API; one looks like 68\.0/);
  });

  it("does not sign in before a node uses it", async () => {
    const org = await orgs.start();
    await deploy({ loginUrl: org.url, flow: "client-credentials" }, { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET });
    assert.equal(org.control.stats().logins, 0);
  });

  it("says once in the log what is wrong and what to do, and nothing secret", async () => {
    const org = await orgs.start();
    const node = await deploy({ loginUrl: org.url, flow: "client-credentials" }, { clientId: DEFAULT_CLIENT_ID, clientSecret: "hush" });
    const user = {};
    node.client.acquire(user);
    await waitFor("the refusal", () => node.client.state.kind === "failed");
    for (let i = 0; i < 10; i += 1) await versions(node).catch(() => undefined);
    const lines = logged().filter((line) => line.includes("ORG_LOGIN_FAILED"));
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]), /check the consumer secret/);
    assert.ok(!logged().some((line) => line.includes("hush")));
    node.client.release(user);
  });

  it("says once in the log when calls are spaced, and once when that is over", async () => {
    const org = await orgs.start();
    org.control.setApiUsage({ used: 69, max: 100 });
    const node = await deploy({ loginUrl: org.url, flow: "client-credentials", usageThreshold: "70" }, { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET });
    await versions(node);
    await versions(node);
    assert.equal(node.client.state.slowedAt, 71);
    org.control.setApiUsage({ used: 1 });
    await versions(node);
    assert.equal(node.client.state.slowedAt, undefined);
    const told = (text: string): number => logged().filter((line) => line.includes(text)).length;
    assert.deepEqual([told("log.slowed"), told("log.full-speed")], [1, 1]);
  });

  it("never spaces calls where the threshold is blank", async () => {
    const org = await orgs.start();
    org.control.setApiUsage({ used: 98, max: 100 });
    const node = await deploy({ loginUrl: org.url, flow: "client-credentials", usageThreshold: "" }, { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET });
    await versions(node);
    assert.equal(node.client.state.slowedAt, undefined);
  });

  it("keeps a rotated refresh token for the next deploy, and says so without showing it", async () => {
    const app = { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET };
    const org = await orgs.start({ clients: [{ ...app, username: DEFAULT_USERNAME, rotateRefreshTokens: true }], users: [{ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD }] });
    const refreshToken = await connectByBrowser(org);
    const node = await deploy({ loginUrl: org.url, flow: "web-server" }, { ...app, refreshToken });
    assert.equal(await versions(node), 200);
    await waitFor("the word in the log", () => logged().some((line) => line.includes("log.rotated")));
    for (const secret of [refreshToken, ...org.control.secrets()]) assert.ok(!logged().some((line) => line.includes(secret)));
  });

  it("says so when nothing is filled in", async () => {
    const node = await deploy({ loginUrl: "", flow: "client-credentials" }, {});
    await assert.rejects(versions(node), /login URL is not a URL/);
  });
});
