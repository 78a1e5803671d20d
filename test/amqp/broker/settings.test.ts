import assert from "node:assert/strict";
import { type BrokerCredentials, readOptions } from "../../../nodes/amqp/broker/settings";

describe("the settings of a broker", () => {
  it("refuse an address that names another virtual host than the form, which would not be used", () => {
    for (const [url, vhost] of [["amqp://host/plant", "/"], ["amqp://a, amqp://host:5672/plant", "other"], ["amqp://host/%2F", "plant"], ["amqp://host/%ff", "plant"]]) {
      assert.throws(() => readOptions({ urls: [url as string], vhost }, {}), { code: "NOT_CONFIGURED", message: /names the virtual host ".+", the form "/ });
    }
  });

  it("let a refusal say that no user was given, as when the credentials are lost, rather than blame a password", () => {
    const shown = (credentials: BrokerCredentials): string | undefined => readOptions({ urls: ["amqp://host"] }, credentials).signIn?.(() => undefined).what;
    assert.equal(shown({}), "user guest, since no user name is given");
    assert.equal(shown({ username: "line" }), "user name or password");
  });

  it("take an address that names the same one, or none", () => {
    for (const [url, vhost] of [["amqp://host/plant", "plant"], ["amqp://host/a%20b", "a b"], ["amqp://host/%2f", ""], ["amqp://host/", "plant"], ["amqp://host", "plant"]]) {
      assert.equal(readOptions({ urls: [url as string], vhost }, {}).vhost, vhost || "/");
    }
  });
});
