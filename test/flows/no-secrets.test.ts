import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { startEmulator, type Emulator } from "../../emulator/src/index";
import { FakeTokenEndpoint } from "../amqp/token-endpoint";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { freePorts, waitFor } from "../services/wait";
import { inNode, readNode, tab, writeNode } from "./bridge";
import { childrenSeen, filesIn, Secrets } from "./secrets";

const USER = "no.secrets@surewire.example";
const CLIENT = "no-secrets-app";
/** Where no admin has a say: the flow file holds what was typed into a field that is no credential. */
const MISPLACED = ["in a broker's address", "in a connection string", "in a broken connection string", "in a login URL"];

/** What the logs and the Catch node say of all that is wrong here. */
const TROUBLES = [
  /ORG_LOGIN_FAILED: .*invalid client credentials/, /ORG_LOGIN_FAILED: .*invalid assertion/, /ORG_LOGIN_FAILED: The private key cannot be read/,
  /ORG_LOGIN_FAILED: .*expired access\/refresh token/, /ORG_LOGIN_FAILED: .*authentication failure/, /ORG_LOGIN_FAILED: .*INVALID_LOGIN/,
  /ORG_SESSION_INVALID/, /ORG_UNAVAILABLE/, /The login URL must not contain/, /INVALID_TYPE: SELECT Nothing/, /requested resource does not exist/, /No such column 'No_Field__c'/,
  /\(invalid_client: INVALID_LOGIN: undefined grant_type=password/, /\(INVALID_LOGIN: undefined/, /refused the user name or password/, /refused the token/, /gave no token/, /broker's address must not hold/, /No connection to/, /PUBLISH_RETURNED/,
  /DATABASE_REFUSED: password authentication failed/, /DATABASE_UNAVAILABLE/, /DRIVER_MISSING/, /connection string cannot be read/, /relation "nowhere" does not exist/,
];

/** Types whose work needs no secret of a configuration node. */
const NO_SECRETS = new Set(["surewire-settle"]);
const OF_A_BROKER = ["surewire-amqp-in", "surewire-amqp-get", "surewire-amqp-out", "surewire-amqp-redrive"];
const OF_A_DATABASE = ["surewire-sql-read", "surewire-sql-write"];

/** Nodes that use an org, each so that it works and so that the org refuses: what they share is added. */
const OF_AN_ORG: Record<string, Record<string, unknown>[]> = {
  "surewire-salesforce-case": [{ mapping: [{ field: "Subject", value: "payload.id", valueType: "msg" }], divisions: [], defaults: [] }, { mapping: [{ field: "No_Field__c", value: "payload.id", valueType: "msg" }], divisions: [], defaults: [] }],
  "surewire-salesforce-query": ["SELECT Id FROM Case", "SELECT Nothing FROM Nowhere"].map((query) => ({ language: "soql", query, parameters: [], output: "all" })),
  "surewire-salesforce-listen": [{ channel: "/event/Nothing__e", transport: "cometd" }, { channel: "/data/ChangeEvents", transport: "pubsub" }, { channel: "/topic/Nothing", declareTopic: true, topicQuery: "SELECT Nothing FROM Nowhere" }],
  "surewire-salesforce-route": [{ routes: [{ queue: "Nothing", workgroup: "wg" }] }, { routesFrom: "object", routesObject: "Nowhere", queueField: "No_Field__c", workgroupField: "No_Field__c" }],
  "surewire-salesforce-publish": [{ event: "Nothing__e", eventType: "str", fields: "{}", fieldsType: "json" }],
  "surewire-salesforce-request": ["/limits", "/sobjects/Nowhere/1", "/services/Soap/u/64.0"].map((at) => ({
    preset: "", method: at.includes("Soap") ? "POST" : "GET", path: at, pathType: "str", host: "org", headers: [], body: "<broken", bodyType: "str", returns: "text",
  })),
  "surewire-salesforce-record": ["create", "getServerTimestamp", "getUserInfo"].map((operation) => ({
    operation, object: "Case", objectType: "str", recordId: "", recordIdType: "msg", externalIdField: "", fields: '{"No_Field__c":1}', fieldsType: "json", returnFields: "", mergeIds: "", mergeIdsType: "msg",
    start: "", startType: "str", end: "", endType: "str", limit: 10, allOrNone: false, assignment: "default", duplicateRule: "block",
  })),
  "surewire-salesforce-bulk": [{ operation: "insert", object: "Case", fields: "payload", fieldsType: "msg" }, { operation: "query", query: "SELECT Nothing FROM Nowhere", parameters: [], output: "all" }],
};

const registered = (): string[] => {
  const manifest = JSON.parse(readFileSync(path.resolve(__dirname, "../../package.json"), "utf8")) as { "node-red": { nodes: Record<string, string> } };
  return Object.keys(manifest["node-red"].nodes);
};

describe("a secret of a configuration node", function () {
  this.timeout(120_000);
  const secrets = new Secrets();
  const tokens = new FakeTokenEndpoint();
  const nodeRed = new NodeRed({ logLevel: "trace", editor: true });
  let org: Emulator;
  let rabbit: RabbitMq;
  let postgres: Postgres;
  let flows: FlowNode[];
  let closed: string;

  before(async () => {
    [rabbit, postgres] = await Promise.all([sharedRabbit(), sharedPostgres(), nodeRed.start(), tokens.start()]);
    tokens.answer = ({ authorization, form }) => {
      const repeated = `INVALID_LOGIN: ${authorization} ${form.toString()}`;
      return { status: 401, body: form.has("grant_type") ? { error: "invalid_client", error_description: repeated } : `<faultstring>${repeated}</faultstring>` };
    };
    closed = `127.0.0.1:${await freePorts()}`;
    const orgs = await orgNodes();
    flows = tab(
      { id: "go", type: "inject", props: [{ p: "payload" }], payload: '{"id":"1","value":1}', payloadType: "json", once: true, onceDelay: 0.1, wires: [[]] },
      { id: "caught", type: "catch", scope: null, uncaught: false, wires: [["log"]] },
      { id: "shown", type: "status", scope: null, wires: [["log"]] },
      { id: "log", type: "debug", active: true, tosidebar: false, console: true, tostatus: false, complete: "true", targetType: "full" },
      ...orgs,
      ...(await brokerNodes()),
      ...(await databaseNodes()),
    );
    const users = flows.filter(({ id }) => /^(use|out|get|redrive|read|write)-/.test(id));
    for (const user of users) user.wires = [["log"]];
    const go = flows.find(({ id }) => id === "go") as FlowNode;
    go.wires = [users.map(({ id }) => id)];
    await nodeRed.deploy(flows);
  });
  after(async () => {
    await nodeRed.stop();
    tokens.stop();
    await org.stop();
  });

  /** Configuration nodes for each way to sign in, right and wrong, and the nodes that use them. */
  async function orgNodes(): Promise<FlowNode[]> {
    const [mine, other] = [keyPair("the right key"), keyPair("the wrong key")];
    const right = { clientSecret: secrets.make("the right client secret"), password: secrets.make("the right password"), securityToken: secrets.make("the right security token") };
    org = await startEmulator({
      clients: [{ clientId: CLIENT, clientSecret: right.clientSecret, publicKey: mine.publicKey, username: USER }],
      users: [{ username: USER, password: right.password, securityToken: right.securityToken }],
    });
    const of = (flow: string, credentials: Record<string, string>, loginUrl = org.url) => ({ flow, loginUrl, credentials: { clientId: CLIENT, username: USER, ...credentials } });
    const wrong = (name: string): string => secrets.make(`a wrong ${name}`);
    const told = (flow: string, names: string[]) =>
      of(flow, Object.fromEntries(names.map((name) => [name, secrets.make(`${name} that is repeated in ${flow}`)])), new URL(tokens.url).origin);
    const orgs = {
      "client-right": of("client-credentials", { clientSecret: right.clientSecret }),
      "client-wrong": of("client-credentials", { clientSecret: wrong("client secret") }),
      "client-away": of("client-credentials", { clientSecret: wrong("secret for nobody") }, `http://${closed}`),
      "client-url": of("client-credentials", { clientSecret: wrong("secret for a strange URL") }, `https://user:${secrets.make("in a login URL")}@127.0.0.1`),
      "jwt-right": of("jwt-bearer", { privateKey: mine.privateKey }),
      "jwt-wrong": of("jwt-bearer", { privateKey: other.privateKey }),
      "jwt-broken": of("jwt-bearer", { privateKey: `-----BEGIN PRIVATE KEY-----\n${wrong("key that is none")}\n-----END PRIVATE KEY-----` }),
      "web-right": of("web-server", { clientSecret: right.clientSecret, refreshToken: secrets.add("the right refresh token", await refreshToken(right)) }),
      "web-wrong": of("web-server", { clientSecret: right.clientSecret, refreshToken: wrong("refresh token") }),
      "password-right": of("password", right),
      "password-wrong": of("password", { ...right, password: wrong("password") }),
      "soap-right": of("soap-login", right),
      "soap-wrong": of("soap-login", { ...right, securityToken: wrong("security token") }),
      // a login host, or something before it, that repeats all it was sent
      "client-told": told("client-credentials", ["clientSecret"]),
      "jwt-told": of("jwt-bearer", { privateKey: other.privateKey }, new URL(tokens.url).origin),
      "web-told": told("web-server", ["clientSecret", "refreshToken"]),
      "password-told": told("password", ["clientSecret", "password", "securityToken"]),
      "soap-told": told("soap-login", ["password", "securityToken"]),
      "token-wrong": of("access-token", { accessToken: `00D000000000001!${wrong("access token")}` }),
      "token-broken": of("access-token", { accessToken: wrong("thing that is no token") }),
    };
    const all = Object.keys(OF_AN_ORG).filter((type) => registered().includes(type));
    return Object.entries(orgs).flatMap(([name, config]): FlowNode[] => [
      { id: `org-${name}`, type: "surewire-salesforce-org", name: "", apiVersion: "", ...config },
      // what tells of the org itself is the same in all: each with the first, the others with two
      ...all.filter((type, index) => name === "client-right" || index === 1 || type.endsWith("request")).flatMap((type) =>
        (OF_AN_ORG[type] ?? []).map((more, index): FlowNode => ({ id: `use-${name}-${type.split("-").at(-1)}-${index}`, type, name: "", org: `org-${name}`, ...more })),
      ),
    ]);
  }

  function keyPair(name: string): { privateKey: string; publicKey: string } {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } });
    for (const line of privateKey.trim().split("\n").slice(3, -2)) secrets.add(name, line);
    return { privateKey, publicKey };
  }

  /** Signs in as a browser would. */
  async function refreshToken({ clientSecret, password }: { clientSecret: string; password: string }): Promise<string> {
    const redirect = "http://127.0.0.1/callback";
    const query = new URLSearchParams({ response_type: "code", client_id: CLIENT, redirect_uri: redirect });
    const page = await fetch(`${org.url}/services/oauth2/authorize?${query}`, { method: "POST", redirect: "manual", body: new URLSearchParams({ username: USER, password, decision: "allow" }) });
    const code = new URL(page.headers.get("location") ?? "").searchParams.get("code") ?? "";
    const body = new URLSearchParams({ grant_type: "authorization_code", code, client_id: CLIENT, client_secret: clientSecret, redirect_uri: redirect });
    const answer = (await (await fetch(`${org.url}/services/oauth2/token`, { method: "POST", body })).json()) as { refresh_token: string };
    return answer.refresh_token;
  }

  async function brokerNodes(): Promise<FlowNode[]> {
    const username = "no-secrets";
    const password = secrets.make("the right broker password");
    await rabbit.addUser(username, password);
    const host = `127.0.0.1:${rabbit.port}`;
    const misplaced = `amqp://${username}:${secrets.make("in a broker's address")}@${host}`;
    const brokers = {
      right: { credentials: { username, password } },
      wrong: { credentials: { username, password: secrets.make("a wrong broker password") } },
      away: { urls: [`amqp://${closed}`], credentials: { username, password: secrets.make("a password for nobody") } },
      address: { urls: [misplaced], credentials: { username, password } },
      token: { auth: "token", credentials: { username, token: secrets.make("a wrong token") } },
      endpoint: { auth: "token", tokenUrl: tokens.url, credentials: { clientId: "app", clientSecret: secrets.make("a wrong secret for tokens") } },
    };
    return Object.entries(brokers).flatMap(([name, more]): FlowNode[] => {
      const at = { broker: `broker-${name}`, queue: `no_secrets_${name}`, name: "" };
      return [
        { id: `broker-${name}`, type: "surewire-amqp-broker", name: "", urls: [`amqp://${host}`], vhost: "/", ...more },
        inNode(at.queue, [], { id: `in-${name}`, ...at }),
        { id: `get-${name}`, type: "surewire-amqp-get", ...at, count: "1", countType: "num" },
        { id: `out-${name}`, type: "surewire-amqp-out", ...at, exchange: "", exchangeType: "str", routingKey: `${at.queue}_none`, routingKeyType: "str", mandatory: true, maxWait: 10_000 },
        { id: `redrive-${name}`, type: "surewire-amqp-redrive", ...at, limit: 1 },
      ];
    });
  }

  async function databaseNodes(): Promise<FlowNode[]> {
    const username = "no_secrets";
    const password = secrets.make("the right database password");
    await postgres.query(`drop role if exists ${username}`);
    await postgres.query(`create role ${username} login password '${password}'`);
    const { connectionString } = postgres;
    const databases = {
      right: { connectionString, credentials: { username, password } },
      wrong: { connectionString, credentials: { username, password: secrets.make("a wrong database password") } },
      away: { connectionString: connectionString.replace(/Port=\d+/, `Port=${closed.split(":")[1]}`), credentials: { username, password: secrets.make("a password for no database") } },
      string: { connectionString: `${connectionString};Uid=${username};Pwd=${secrets.make("in a connection string")}`, credentials: {} },
      broken: { connectionString: `Driver={PostgreSQL Unicode};Pwd={${secrets.make("in a broken connection string")}`, credentials: { username, password } },
      driver: { connectionString: "Driver={No Such Driver}", credentials: { username, password: secrets.make("a password for no driver") } },
    };
    return Object.entries(databases).flatMap(([name, more]): FlowNode[] => [
      { id: `database-${name}`, type: "surewire-sql-database", name: "", engine: "odbc", file: "", dialect: "auto", poolSize: 1, loginTimeout: 5_000, queryTimeout: 10_000, ...more },
      readNode("select * from nowhere", [], { id: `read-${name}`, database: `database-${name}` }),
      writeNode("nowhere", { id: `write-${name}`, database: `database-${name}` }),
    ]);
  }

  /** What the admin API says to a GET. */
  async function get(at: string, headers: Record<string, string> = {}): Promise<string> {
    return await (await fetch(nodeRed.url + at, { headers: { accept: "application/json", ...headers } })).text();
  }

  const configs = (): FlowNode[] => flows.filter(({ credentials }) => credentials);

  it("is used by nodes of every type", () => {
    const covered = new Set([...flows.map(({ type }) => type), ...Object.keys(OF_AN_ORG), ...NO_SECRETS]);
    assert.deepEqual(registered().filter((type) => !covered.has(type)), []);
    for (const type of [...OF_A_BROKER, ...OF_A_DATABASE]) assert.ok(flows.some((node) => node.type === type), type);
  });

  it("is in no log at any level, and in no status, error or message of a flow", async () => {
    await waitFor("all that goes wrong", () => TROUBLES.every((trouble) => trouble.test(nodeRed.log)), { timeout: 60_000 }).catch(() =>
      assert.deepEqual(TROUBLES.filter((trouble) => !trouble.test(nodeRed.log)), []),
    );
    const users = flows.filter(({ id }) => /^(use|out|get|read|write)-/.test(id)).map(({ id }) => id);
    const silent = (): string[] => users.filter((id) => !nodeRed.log.includes(`id: '${id}'`));
    await waitFor("all to say something", () => silent().length === 0).catch(() => assert.deepEqual(silent(), []));
    const before = org.control.stats().logins;
    org.control.expireTokens();
    await fetch(`${nodeRed.url}/inject/go`, { method: "POST" });
    await waitFor("those whose token has ended to sign in again", () => org.control.stats().logins > before);
    assert.deepEqual(secrets.in(nodeRed.log), []);
  });

  it("is in no argument and no environment of a child process", async () => {
    let seen = childrenSeen(nodeRed.pid);
    await waitFor("children", () => (seen = childrenSeen(nodeRed.pid)).count > 0);
    assert.deepEqual(secrets.in(seen.text), []);
  });

  it("is in no answer of the admin API: neither flows nor settings, and none about credentials", async () => {
    const paths = ["/flow/tab", "/flow/global", "/nodes", "/settings", "/settings/user", "/plugins", "/diagnostics", "/context/global", "/surewire/sql-database/drivers"];
    for (const { type, id } of configs()) paths.push(`/credentials/${type}/${id}`);
    for (const at of paths) assert.deepEqual(secrets.in(await get(at), MISPLACED), [], at);
    for (const version of ["v1", "v2"]) assert.deepEqual(secrets.in(await get("/flows", { "node-red-api-version": version }), MISPLACED), []);
    assert.match(await get(`/credentials/surewire-amqp-broker/broker-right`), /"has_password":true/);
  });

  it("is in no answer of a form's test", async () => {
    const headers = { "content-type": "application/json" };
    const asked = configs().map(async ({ credentials, ...form }) => {
      const [, family = "", kind = ""] = form.type.split("-");
      for (const sent of [credentials, {}]) {
        const answer = await fetch(`${nodeRed.url}/surewire/${family}-${kind}/test`, { method: "POST", headers, body: JSON.stringify({ ...form, credentials: sent }) });
        assert.ok([200, 400].includes(answer.status), `${form.id}: ${answer.status}`);
        assert.deepEqual(secrets.in(await answer.text()), [], form.id);
      }
    });
    await Promise.all(asked);
    assert.deepEqual(secrets.in(nodeRed.log), []);
  });

  it("is in no file of Node-RED in plain text", () => {
    let credentials = false;
    for (const [name, text] of filesIn(nodeRed.userDir)) {
      credentials ||= name.endsWith("flows_cred.json") && text.includes('"$"');
      assert.deepEqual(secrets.in(text, name.includes("flows.json") ? MISPLACED : []), [], name);
    }
    assert.ok(credentials, "there is no encrypted file of credentials");
  });
});
