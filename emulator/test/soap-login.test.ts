import assert from "node:assert/strict";
import { DEFAULT_PASSWORD, DEFAULT_USERNAME, startEmulator, type Emulator } from "../src/index";
import { http, type Answer } from "./helpers";

const enveloped = (body: string): string =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><s:Body>${body}</s:Body></s:Envelope>`;

describe("the SOAP login", () => {
  let org: Emulator;
  before(async () => (org = await startEmulator()));
  after(() => org.stop());
  afterEach(() => org.control.reset());

  function post(body: string, version = "64.0"): Promise<Answer> {
    return http(`${org.url}/services/Soap/u/${version}`, { method: "POST", body, headers: { "Content-Type": "text/xml", SOAPAction: '""' } });
  }
  function login({ username = DEFAULT_USERNAME, password = DEFAULT_PASSWORD, version = "64.0" } = {}): Promise<Answer> {
    const call = `<login xmlns="urn:partner.soap.sforce.com"><username>${username}</username><password>${password}</password></login>`;
    return post(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header/><e:Body>${call}</e:Body></e:Envelope>`, version);
  }
  const read = (answer: Answer, name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(answer.body)?.[1];
  function assertFault(answer: Answer, code: string, text: RegExp): void {
    assert.equal(answer.status, 500);
    assert.equal(read(answer, "faultcode"), `sf:${code}`);
    assert.match(read(answer, "faultstring") ?? "", text);
    assert.ok(read(answer, "faultstring")?.startsWith(`${code}: `));
    assert.equal(read(answer, "sf:exceptionCode"), code);
  }

  it("gives a session that REST takes, and where the org is", async () => {
    const answer = await login();
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/xml/);
    assert.match(read(answer, "serverUrl") ?? "", new RegExp(`^${org.url}/services/Soap/u/64.0/00D\\w{15}$`));
    assert.match(read(answer, "userId") ?? "", /^005\w{15}$/);
    assert.match(read(answer, "organizationId") ?? "", /^00D\w{15}$/);
    assert.equal(read(answer, "passwordExpired"), "false");
    const limits = await http(`${org.url}/services/data/v66.0/limits`, { headers: { Authorization: `Bearer ${read(answer, "sessionId")}` } });
    assert.equal(limits.status, 200);
  });

  it("refuses whoever it does not know with one text", async () => {
    for (const wrong of [{ password: "x" }, { username: "nobody@x.example" }]) assertFault(await login(wrong), "INVALID_LOGIN", /Invalid username, password, security token; or user locked out/);
    org.control.setUser({ username: DEFAULT_USERNAME, state: "inactive" });
    assertFault(await login(), "INVALID_LOGIN", /locked out/);
  });

  it("does not exist from v65 on, or if the org has switched it off", async () => {
    for (const version of ["65.0", "68.0"]) assertFault(await login({ version }), "INVALID_OPERATION", /SOAP API login\(\)/);
    assertFault(await login({ version: "20.0" }), "UNSUPPORTED_API_VERSION", /version/);
    const newer = await startEmulator({ soapLogin: false });
    try {
      const answer = await http(`${newer.url}/services/Soap/u/64.0`, { method: "POST", body: enveloped("<login/>") });
      assertFault(answer, "INVALID_OPERATION", /disabled/);
    } finally {
      await newer.stop();
    }
  });

  it("counts as a login: its rate has a limit, and faults of logins hit it", async () => {
    org.control.exceedLoginRate();
    assertFault(await login(), "LOGIN_RATE_EXCEEDED", /login rate exceeded/);
    org.control.clearFaults();
    org.control.failNext({ oauth: true, status: 503, errorCode: "SERVER_UNAVAILABLE", message: "down" });
    assert.equal((await login()).status, 503);
    assert.equal(org.control.stats().apiCalls, 0);
  });

  it("refuses what is not an envelope, and an operation without a session", async () => {
    for (const body of ["", "<x/>", "not xml", '<!DOCTYPE a [<!ENTITY x "y">]><Envelope><Body><login/></Body></Envelope>']) {
      assertFault(await post(body), "UNKNOWN_EXCEPTION", /no SOAP envelope/);
    }
    assertFault(await post(enveloped("<makeCoffee/>")), "INVALID_OPERATION", /makeCoffee/);
  });
});
