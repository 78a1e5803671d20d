import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import amqpBroker from "../../../nodes/amqp/broker/broker";
import type { Broker } from "../../../nodes/amqp/client/broker";
import { waitFor } from "../../services/wait";
import { securedRabbit, type SecuredRabbit } from "../secured-rabbit";

helper.init(require.resolve("node-red"));

/** Node-RED's own node, which comes without types. */
const tlsConfig = createRequire(__filename)("@node-red/nodes/core/network/05-tls.js") as (RED: NodeAPI) => void;

describe("an amqp broker with Node-RED's TLS settings", function () {
  this.timeout(60_000);
  let secured: SecuredRabbit;

  before(async () => {
    secured = await securedRabbit();
    await (helper.startServer() as unknown as Promise<void>);
  });
  afterEach(() => helper.unload());
  after(() => helper.stopServer() as unknown as Promise<void>);

  const load = async (tls: object, broker: object, secrets: object = {}): Promise<{ amqp?: Broker; problem?: Error }> => {
    const flow = [
      { id: "tls", type: "tls-config", verifyservercert: true, ...tls },
      { id: "broker", type: "surewire-amqp-broker", urls: [secured.url()], auth: "external", tls: "tls", ...broker },
    ];
    await (helper.load([tlsConfig, amqpBroker] as never, flow as never, secrets as never) as unknown as Promise<void>);
    return helper.getNode("broker") as never;
  };
  const files = (): object => ({ ca: secured.authority.ca.certFile, cert: secured.client.certFile, key: secured.client.keyFile });
  const connects = async ({ amqp }: { amqp?: Broker }): Promise<void> => {
    assert.ok(amqp);
    const user = {};
    const { consume } = amqp.acquire(user);
    consume.open();
    await waitFor("the connection", () => consume.model);
    await amqp.release(user);
  };

  it("signs in with the certificate in their files", async () => connects(await load(files(), {})));

  it("signs in with the certificate that was uploaded", async () => {
    const [certdata, keydata, cadata] = [secured.client.cert, secured.client.key, secured.authority.ca.cert].map(String);
    await connects(await load({}, {}, { tls: { certdata, keydata, cadata } }));
  });

  it("goes by their server name", async () => connects(await load({ ...files(), servername: "localhost" }, { urls: [secured.url("127.0.0.1")] })));

  it("does not look at the server's certificate when they say so", async () => {
    await connects(await load({ ...files(), ca: "", verifyservercert: false }, { urls: [secured.url("127.0.0.1")] }));
  });

  it("is not configured when their files are not there", async () => {
    assert.match((await load({ ...files(), cert: "/nowhere.crt" }, {})).problem?.message ?? "", /TLS settings are not deployed, or their files cannot be read/);
  });

  it("is not configured when they are gone", async () => {
    assert.match((await load(files(), { tls: "other" })).problem?.message ?? "", /TLS settings are not deployed/);
  });
});
