import assert from "node:assert/strict";
import type { NodeAPI } from "node-red";
import amqpBroker from "../../../nodes/amqp/broker/broker";
import type { HostReport } from "../../../nodes/amqp/client/broker-test";
import { NodeRed, type FlowNode } from "../../services/node-red";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { freePorts, waitFor } from "../../services/wait";
import { unique } from "../support";

describe("the amqp broker's Test connection", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let nodeRed: NodeRed;

  interface Answer {
    status: number;
    hosts?: HostReport[];
    message?: string;
  }
  const post = async (body: unknown, type = "application/json"): Promise<Answer> => {
    const response = await fetch(`${nodeRed.url}/surewire/amqp-broker/test`, { method: "POST", headers: { "content-type": type }, body: typeof body === "string" ? body : JSON.stringify(body) });
    return { status: response.status, ...((await response.json()) as Omit<Answer, "status">) };
  };
  const form = (more: object = {}): object => ({ id: "new", urls: [rabbit.url], vhost: "/", auth: "plain", credentials: { username: "guest", password: "guest" }, ...more });

  before(async () => {
    rabbit = await sharedRabbit();
    nodeRed = await new NodeRed({ env: { TEST_BROKER: rabbit.url, TEST_PASSWORD: "stored secret" } }).start();
    await rabbit.addUser("line", "stored secret");
    const queue = unique("endpoint");
    const flows: FlowNode[] = [
      { id: "t1", type: "tab", label: "Line 1" },
      { id: "t2", type: "tab", label: "Packing" },
      { id: "broker", type: "surewire-amqp-broker", name: "plant", urls: ["${TEST_BROKER}"], vhost: "/", credentials: { username: "line", password: "${TEST_PASSWORD}" } },
      { id: "in", z: "t1", type: "surewire-amqp-in", broker: "broker", queue, wires: [["debug"]] },
      { id: "debug", z: "t1", type: "debug", active: false, wires: [] },
      { id: "out", z: "t2", type: "surewire-amqp-out", broker: "broker", exchange: "", exchangeType: "str", routingKey: queue, routingKeyType: "str", wires: [[]] },
    ];
    await nodeRed.deploy(flows);
  });
  after(() => nodeRed?.stop());

  it("tries the settings in the form before they are deployed", async () => {
    const { status, hosts } = await post(form());
    assert.equal(status, 200);
    assert.deepEqual(hosts?.map(({ ok, product }) => [ok, product]), [[true, "RabbitMQ"]]);
  });

  it("takes environment variables as the deployed node does", async () => {
    const { hosts } = await post(form({ urls: ["${TEST_BROKER}"], credentials: { username: "line", password: "${TEST_PASSWORD}" } }));
    assert.ok(hosts?.[0]?.ok, JSON.stringify(hosts));
  });

  it("takes no part of a text for one: the deployed node would not, either", async () => {
    assert.equal((await post(form({ urls: ["${TEST_BROKER}/"] }))).status, 400);
  });

  it("signs in with the stored password at the deployed host", async () => {
    const { hosts } = await post(form({ id: "broker", urls: ["${TEST_BROKER}"], credentials: { username: "line", password: "__PWRD__" } }));
    assert.ok(hosts?.[0]?.ok, JSON.stringify(hosts));
  });

  it("sends the stored password to no other host", async () => {
    const answer = await post(form({ id: "broker", urls: [`amqp://127.0.0.1:${await freePorts()}`], credentials: { username: "line", password: "__PWRD__" } }));
    assert.equal(answer.status, 400);
    assert.match(answer.message ?? "", /type the password or secret again/);
  });

  it("takes no password of another node", async () => {
    const { status, hosts } = await post(form({ id: "in", credentials: { username: "line", password: "__PWRD__" } }));
    assert.equal(status, 200);
    assert.match(hosts?.[0]?.problem ?? "", /refused the user name or password/);
  });

  for (const [what, body] of Object.entries<unknown>({
    "no settings": [],
    "a URL that is none": { id: "new", urls: ["broker"], credentials: {} },
    "TLS settings that are not deployed": { id: "new", urls: ["amqps://localhost"], tls: "nothing", credentials: {} },
  })) {
    it(`says what is wrong with ${what}`, async () => {
      const { status, message } = await post(body);
      assert.equal(status, 400);
      assert.ok(message);
    });
  }

  it("takes no request that a form of another site could send", async () => {
    assert.equal((await post("id=new", "application/x-www-form-urlencoded")).status, 415);
  });

  it("shows its secrets nowhere", () => assert.ok(!nodeRed.log.includes("stored secret")));

  it("leaves the broker with two connections that carry the names of the flows", async () => {
    const names = async (): Promise<string[]> => (await rabbit.listConnections()).map(({ clientName }) => clientName).filter((name) => name.includes("plant")).sort();
    await waitFor("both", async () => (await names()).length === 2);
    assert.deepEqual(await names(), ["node-red plant: Line 1, Packing (consume)", "node-red plant: Line 1, Packing (publish)"]);
  });

  it("is allowed only for users who may deploy, and causes no error if the admin API is off", () => {
    const registered: unknown[][] = [];
    const fake = { nodes: { registerType: () => undefined }, auth: { needsPermission: (permission: string) => permission }, httpAdmin: { post: (...args: unknown[]) => registered.push(args) } };
    amqpBroker(fake as unknown as NodeAPI);
    assert.deepEqual(registered.map(([path, permission]) => [path, permission]), [["/surewire/amqp-broker/test", "flows.write"]]);
    assert.doesNotThrow(() => amqpBroker({ ...fake, httpAdmin: undefined } as unknown as NodeAPI));
  });
});
