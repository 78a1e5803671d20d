import assert from "node:assert/strict";
import { credentialsToTest, readRequest, type Deployed, type TestRequest } from "../../../nodes/amqp/broker/test-request";

const deployed: Deployed = {
  def: { urls: ["amqps://a:5671", "amqps://b:5671"], tls: "tls", auth: "plain", tokenUrl: "https://login/token" },
  credentials: { username: "line", password: "stored", clientId: "flow", clientSecret: "stored too", token: "stored as well" },
};
const request = (more: Partial<TestRequest> = {}): TestRequest => ({ id: "broker", ...deployed.def, credentials: { username: "line", password: "__PWRD__" }, ...more });

describe("what the form's test signs in with", () => {
  it("is the stored password, where nothing has changed", () => {
    assert.equal(credentialsToTest(request(), deployed).password, "stored");
    assert.equal(credentialsToTest(request({ credentials: {} }), deployed).password, "stored");
  });

  it("is the stored password, when only the addresses' order or other settings have changed", () => {
    assert.equal(credentialsToTest(request({ urls: ["amqps://b:5671", "amqps://a:5671"], vhost: "other" }), deployed).password, "stored");
  });

  it("is what was typed in, wherever it goes", () => {
    const typed = request({ urls: ["amqp://elsewhere"], credentials: { username: "me", password: "typed" } });
    assert.deepEqual(credentialsToTest(typed, deployed), { username: "me", password: "typed", clientId: "flow" });
  });

  it("is no password if it was removed", () => {
    assert.equal(credentialsToTest(request({ credentials: { username: "line", password: "" } }), deployed).password, undefined);
  });

  it("is what was typed in, when nothing is deployed", () => {
    assert.deepEqual(credentialsToTest(request({ credentials: { username: "me", password: "typed" } }), undefined), { username: "me", password: "typed" });
  });

  for (const [what, more] of Object.entries<Partial<TestRequest>>({
    "another host": { urls: ["amqps://a:5671", "amqps://evil:5671"] },
    "one host more": { urls: ["amqps://a:5671", "amqps://b:5671", "amqps://evil:5671"] },
    "another port": { urls: ["amqps://a:5671", "amqps://b:5673"] },
    "a connection without TLS": { urls: ["amqp://a:5671", "amqps://b:5671"] },
    "other TLS settings": { tls: "" },
    "another token URL": { auth: "token", tokenUrl: "https://evil/token" },
  })) {
    it(`is never a stored secret with ${what}`, () => {
      assert.throws(() => credentialsToTest(request(more), deployed), { code: "INPUT_INVALID", message: /type the password or secret again/ });
    });
  }

  it("is never a stored token with another host", () => {
    const stored = { ...deployed, def: { ...deployed.def, tokenUrl: "" } };
    assert.throws(() => credentialsToTest(request({ auth: "token", tokenUrl: "", urls: ["amqps://evil"] }), stored), { code: "INPUT_INVALID" });
  });

  it("is a certificate with any host: that tells no secret", () => {
    assert.doesNotThrow(() => credentialsToTest(request({ auth: "external", urls: ["amqps://elsewhere"] }), deployed));
  });
});

describe("the request of the form's test", () => {
  const resolve = (text: string): string => text.replace("${HOST}", "amqp://resolved");

  it("has its environment variables resolved", () => {
    const { urls, credentials } = readRequest({ id: "a", urls: ["${HOST}"], credentials: { password: "${HOST}" } }, resolve);
    assert.deepEqual([urls, credentials], [["amqp://resolved"], { password: "amqp://resolved" }]);
  });

  for (const body of [undefined, null, "text", [], 1]) {
    it(`is refused when it is ${JSON.stringify(body)}`, () => assert.throws(() => readRequest(body, resolve), { code: "INPUT_INVALID" }));
  }

  it("is harmless if it contains nonsense", () => {
    const { urls, auth, credentials } = readRequest({ urls: [{}, "amqp://a"], auth: "other", vhost: {}, credentials: [1] }, resolve);
    assert.deepEqual([urls, auth, credentials], [["amqp://a"], "plain", {}]);
  });
});
