import assert from "node:assert/strict";
import Module from "node:module";
import { ConnectorError } from "../../../../../nodes/common/errors";
import { orgIdOf, userIdOf } from "../../../../../nodes/salesforce/client/events/org-identity";
import type { StreamOrg } from "../../../../../nodes/salesforce/client/events/org-streams";
import { readEndpoint } from "../../../../../nodes/salesforce/client/events/pubsub/endpoint";
import { pubsubPackages } from "../../../../../nodes/salesforce/client/events/pubsub/packages";
import { pubsubError } from "../../../../../nodes/salesforce/client/events/pubsub/pubsub-error";
import { wayTo } from "../../../../../nodes/salesforce/client/events/pubsub/way";
import { longId } from "../../../../../nodes/salesforce/client/long-id";

const codeIs = (code: string, text: RegExp) => (error: unknown) => error instanceof ConnectorError && error.code === code && text.test(error.message);

describe("The Pub/Sub endpoint", () => {
  for (const [value, target, secure] of [
    ["", "api.pubsub.salesforce.com:7443", true],
    [" api.deu.pubsub.salesforce.com:443 ", "api.deu.pubsub.salesforce.com:443", true],
    ["https://localhost:7443", "localhost:7443", true],
    ["pubsub.example", "pubsub.example:7443", true],
    ["http://127.0.0.1:50051", "127.0.0.1:50051", false],
    ["http://localhost:80/", "localhost:80", false],
    ["http://[::1]:50051", "[::1]:50051", false],
  ] as const) {
    it(`"${value}" is ${target} ${secure ? "by" : "without"} TLS`, () => assert.deepEqual(readEndpoint(value), { target, secure }));
  }

  for (const [value, text] of [
    ["http://api.pubsub.salesforce.com:7443", /without TLS only on this machine/],
    ["http://127.0.0.1.evil.example:7443", /without TLS only on this machine/],
    ["ftp://x:1", /looks like/],
    ["host:port", /looks like/],
    ["host:1/path", /looks like/],
    ["user:secret@host:1", /^(?!.*secret).*looks like/],
  ] as const) {
    it(`cannot be "${value}"`, () => assert.throws(() => readEndpoint(value), codeIs("NOT_CONFIGURED", text)));
  }
});

describe("The way to the Pub/Sub API", () => {
  const VARIABLES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]);
  const atFirst = VARIABLES.map((name) => [name, process.env[name]] as const);
  const endpoint = { target: "api.pubsub.salesforce.com:7443", secure: true };
  beforeEach(() => VARIABLES.forEach((name) => delete process.env[name]));
  afterEach(() => atFirst.forEach(([name, value]) => (value === undefined ? delete process.env[name] : (process.env[name] = value))));

  it("is straight without a proxy, to the hosts of NO_PROXY, and without TLS", () => {
    assert.equal(wayTo(endpoint).target, endpoint.target);
    Object.assign(process.env, { HTTPS_PROXY: "http://proxy.example:3128", HTTP_PROXY: "http://proxy.example:3128", NO_PROXY: "localhost,.pubsub.salesforce.com" });
    assert.equal(wayTo(endpoint).target, endpoint.target);
    delete process.env.NO_PROXY;
    assert.equal(wayTo({ target: "127.0.0.1:7011", secure: false }).target, "127.0.0.1:7011");
  });

  it("leads through the proxy of the environment, with its user, and on to the endpoint itself", () => {
    process.env.HTTPS_PROXY = "http://line:s%40fe@proxy.example";
    const { target, options } = wayTo(endpoint);
    assert.equal(target, "dns:proxy.example:80");
    assert.deepEqual([options["grpc.http_connect_target"], options["grpc.default_authority"], options["grpc.http_connect_creds"]], [`dns:${endpoint.target}`, endpoint.target, "line:s@fe"]);
  });

  for (const [address, text] of [["https://line:s3cret@proxy.example", /by https:\/\//], ["socks5://line:s3cret@proxy.example", /socks5/], ["http://line:s3cret%@proxy.example", /URI malformed/], ["http://s3cret@:x", /no URL/]] as const) {
    it(`is not there by ${address.replace("s3cret", "…")}, whose password nobody reads`, () => {
      process.env.HTTPS_PROXY = address;
      assert.throws(() => wayTo(endpoint), (error: unknown) => codeIs("NOT_CONFIGURED", text)(error) && !String((error as Error).stack).includes("s3cret"));
    });
  }
});

describe("Whose session it is", () => {
  const session = { accessToken: "t", instanceUrl: "https://acme.my.salesforce.com" };
  const org = (info: object): Pick<StreamOrg, "rest"> => ({ rest: { raw: () => Promise.resolve({ body: JSON.stringify(info) }) } }) as never;

  it("is said with ids of 18 characters", () => {
    for (const [short, long] of [["00D000000000AbC", "00D000000000AbCEAU"], ["005000000000001", "005000000000001AAA"], ["00DZZZZZZZZZZZZ", "00DZZZZZZZZZZZZ255"]] as const) {
      assert.equal(longId(short), long);
      assert.equal(longId(long), long);
    }
  });

  it("is asked of the org for a token that does not say", async () => {
    const info = org({ organization_id: "00D000000000001EAA", user_id: "005000000000001AAA" });
    assert.deepEqual([await orgIdOf(info, session), await userIdOf(info, session)], ["00D000000000001EAA", "005000000000001AAA"]);
    await assert.rejects(orgIdOf(org({}), session), codeIs("ORG_LOGIN_FAILED", /which org/));
  });
});

describe("A missing package of the Pub/Sub API", () => {
  const loader = Module as unknown as { _load: (this: unknown, request: string, ...rest: unknown[]) => unknown };
  const load = loader._load;
  afterEach(() => void (loader._load = load));

  for (const name of ["@grpc/grpc-js", "@grpc/proto-loader", "avsc"]) {
    it(`is named, with how to install it: ${name}`, () => {
      loader._load = function (request, ...rest) {
        if (request === name) throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" });
        return load.call(this, request, ...rest);
      };
      assert.throws(() => pubsubPackages(), codeIs("DRIVER_MISSING", new RegExp(`npm install ${name} \\(`)));
    });
  }

  it("is named with the others that are missing", () => {
    loader._load = function (request, ...rest) {
      if (/^(@grpc|avsc)/.test(request)) throw Object.assign(new Error(`Cannot find module '${request}'`), { code: "MODULE_NOT_FOUND" });
      return load.call(this, request, ...rest);
    };
    assert.throws(() => pubsubPackages(), codeIs("DRIVER_MISSING", /npm install @grpc\/grpc-js @grpc\/proto-loader avsc \(/));
  });
});

describe("An error of the Pub/Sub API", () => {
  const errorOf = (code: number, errorCode?: string, details = "No.") =>
    pubsubError({ code, details, metadata: { get: (key) => (key === "error-code" && errorCode ? [`sfdc.platform.eventbus.grpc.${errorCode}`] : []) } }, "api.pubsub.salesforce.com:7443");

  for (const [remedy, codes] of Object.entries({
    retry: [
      "service.unavailable", "service.protection.triggered", "service.protection.stream.limit.triggered", "topic.api.unavailable", "schema.api.unavailable",
      "subscription.internal.error", "publish.stream.sweeper.timeout", "subscription.fetch.replay.repeated",
    ],
    renew: ["service.auth.error", "service.auth.refresh.invalid"],
    stale: ["subscription.fetch.replayid.corrupted", "subscription.fetch.replayid.validation.failed"],
    mend: [
      "topic.not.found", "topic.meta.permission", "subscription.topic.cannot.subscribe", "subscription.fetch.requested.events.invalid",
      "subscription.fetch.topic.mismatch", "service.auth.headers.invalid", "service.tenant.license", "publish.event.count.invalid", "schema.not.found", "something.new",
    ],
    limit: ["subscription.limit.exceeded", "concurrent.client.limit.exceeded"],
  })) {
    it(`is mended by ${remedy} for ${codes.join(", ")}`, () => {
      for (const code of codes) assert.equal(errorOf(3, code).remedy, remedy, code);
    });
  }

  it("without a code of the platform's is told by gRPC's", () => {
    assert.deepEqual([13, 14, 8, 4, 2].map((code) => errorOf(code).remedy), ["retry", "retry", "retry", "retry", "retry"]);
    assert.deepEqual([errorOf(16).remedy, errorOf(12).remedy], ["renew", "mend"]);
  });

  // as grpc-js words them: a port that is closed, a name that nobody knows, a firewall that drops, a proxy that refuses
  for (const [code, details, why] of [
    [14, "No connection established. Last error: Error: connect ECONNREFUSED 85.222.1.2:7443. Resolution note: ", "connect ECONNREFUSED 85.222.1.2:7443"],
    [14, "Name resolution failed for target dns:api.pubsub.salesforce.com:7443", "its name is not known"],
    [4, "Deadline exceeded after 60.001s,name resolution: 0.264s,Waiting for LB pick", "nothing answers"],
    [14, "No connection established. Last error: undefined. Resolution note: ", "the proxy that the environment names does not connect to it, and standard error says why"],
  ] as const) {
    it(`says which host and port must be let through when ${why}, and that nothing was done`, () => {
      const error = errorOf(code, undefined, details);
      const expected = `The Pub/Sub API at api.pubsub.salesforce.com:7443 cannot be reached: ${why}. Let Node-RED out to that host and port, or name a proxy in HTTPS_PROXY that leads there`;
      assert.deepEqual([error.message, error.remedy, error.details.outcomeUnknown], [expected, "retry", undefined]);
    });
  }

  it("is a lost answer when the call had a connection", () => {
    assert.equal(errorOf(4, undefined, "Deadline exceeded after 60.001s,remote_addr=85.222.1.2:7443").details.outcomeUnknown, true);
  });

  it("leaves open whether the platform has acted only where it has not answered", () => {
    const open = (error: ConnectorError): boolean => error.details.outcomeUnknown === true;
    assert.deepEqual([errorOf(13), errorOf(14), errorOf(4)].map(open), [true, true, true]);
    assert.deepEqual([errorOf(13, "service.unavailable"), errorOf(16), errorOf(14, undefined, "No connection established. Last error: x. Resolution note: y")].map(open), [false, false, false]);
  });
});
