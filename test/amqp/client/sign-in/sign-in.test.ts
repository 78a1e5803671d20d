import assert from "node:assert/strict";
import { Broker, type BrokerLink, type BrokerOptions } from "../../../../nodes/amqp/client/broker";
import type { Connection, ConnectionState } from "../../../../nodes/amqp/client/connection/connection";
import { readOptions, type BrokerCredentials, type BrokerDef } from "../../../../nodes/amqp/broker/settings";
import { waitFor } from "../../../services/wait";
import { securedRabbit, type SecuredRabbit } from "../../secured-rabbit";
import { quick, unique } from "../../support";
import { FakeTokenEndpoint } from "../../token-endpoint";

describe("signing in to RabbitMQ with a token", function () {
  this.timeout(60_000);
  let secured: SecuredRabbit;
  const endpoint = new FakeTokenEndpoint();
  const brokers: Broker[] = [];
  let lines: string[] = [];

  /** The pair of connections of a config node. */
  const linkTo = (def: Partial<BrokerDef>, credentials: BrokerCredentials, more: Partial<BrokerOptions> = {}): BrokerLink => {
    const options = readOptions({ urls: [secured.rabbit.url], auth: "token", ...def }, credentials);
    const broker = new Broker({ ...options, backOff: quick(), log: (level, text) => lines.push(`${level}: ${text}`), ...more });
    brokers.push(broker);
    return broker.acquire({});
  };
  const fromEndpoint = (): BrokerLink => linkTo({ tokenUrl: endpoint.url, scope: "rabbitmq" }, { clientId: "flow", clientSecret: "geheim" });
  /** Tokens of so many seconds, which the broker takes a little longer. */
  const give = (life: number): void => {
    endpoint.answer = () => ({ status: 200, body: { access_token: secured.signer.token(life + 1), expires_in: life } });
  };
  const up = (connection: Connection): Promise<unknown> => {
    connection.open();
    return waitFor("the connection", () => connection.model);
  };
  /** What it says when it has run into trouble. */
  const trouble = async (connection: Connection): Promise<Extract<ConnectionState, { error: unknown }>> => {
    connection.open();
    const state = await waitFor("the trouble", () => ("error" in connection.state ? connection.state : undefined));
    return state as Extract<ConnectionState, { error: unknown }>;
  };
  /** Does something that the broker looks at the token for. */
  const declare = async ({ model }: Connection): Promise<void> => {
    assert.ok(model);
    const channel = await model.createChannel();
    channel.on("error", () => undefined);
    await channel.assertQueue(unique("token"), { durable: false, exclusive: true });
    await channel.close();
  };

  before(async () => {
    secured = await securedRabbit();
    await endpoint.start();
  });
  beforeEach(() => {
    endpoint.asked.splice(0);
    lines = [];
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close(0)));
    assert.ok(!lines.join().includes("geheim"));
  });
  after(() => endpoint.stop());

  it("that was typed in", async () => {
    const { consume } = linkTo({}, { token: secured.signer.token(60) });
    await up(consume);
    await declare(consume);
  });

  it("from an endpoint asks it once for both connections", async () => {
    give(60);
    const { consume, publish } = fromEndpoint();
    await Promise.all([up(consume), up(publish)]);
    assert.equal(endpoint.asked.length, 1);
    assert.equal(endpoint.asked[0]?.form.get("scope"), "rabbitmq");
  });

  it("from an endpoint gives it to a new connection once", async () => {
    give(60);
    const { consume } = fromEndpoint();
    let updates = 0;
    consume.subscribe({ up: (model) => model.on("update-secret-ok" as never, () => (updates += 1)) });
    await up(consume);
    await declare(consume); // an answer to an update would have come before
    assert.equal(updates, 0);
  });

  it("renews it on the open connections before it expires", async () => {
    give(4);
    const { consume, publish } = fromEndpoint();
    await Promise.all([up(consume), up(publish)]);
    const before = [consume.model, publish.model];
    const expired = Date.now() + 6_200; // 4 s, 1 s that the broker takes longer, and its whole seconds
    give(60);
    await waitFor("its end", () => Date.now() > expired);
    await Promise.all([declare(consume), declare(publish)]);
    assert.deepEqual([consume.model === before[0], publish.model === before[1]], [true, true]);
    assert.equal(endpoint.asked.length, 2);
    assert.deepEqual(lines, []);
  });

  it("connects again with the new one, when the broker cannot take it on an open connection", async () => {
    give(4);
    const { consume } = fromEndpoint();
    let ups = 0;
    consume.subscribe({ up: () => (ups += 1) });
    await up(consume);
    const first = consume.model;
    assert.ok(first);
    first.updateSecret = () => Promise.reject(new Error("not here"));
    give(60);
    const second = await waitFor("the new connection", () => consume.model !== first && consume.model);
    assert.ok(second);
    await declare(consume);
    assert.equal(ups, 2);
  });

  it("gets another one when the broker refuses the first", async () => {
    endpoint.answer = () => ({ status: 200, body: { access_token: endpoint.asked.length === 1 ? "worthless" : secured.signer.token(60), expires_in: 60 } });
    const { consume } = linkTo({ tokenUrl: endpoint.url }, { clientId: "flow", clientSecret: "geheim" }, { slowBackOff: quick() });
    await up(consume);
    assert.equal(endpoint.asked.length, 2);
    assert.match(lines[0] ?? "", /^error: BROKER_REFUSED: 127\.0\.0\.1:\d+ refused the token/);
    assert.match(lines[1] ?? "", /^info: Connected/);
  });

  it("turns red and tries slowly when the endpoint refuses the client", async () => {
    endpoint.answer = () => ({ status: 401, body: { error: "invalid_client" } });
    const { consume } = fromEndpoint();
    const state = await trouble(consume);
    assert.equal(state.kind, "refused");
    assert.ok(state.delay >= 60_000);
    assert.match(state.error.message, /gave no token \(401\): invalid_client/);
    assert.equal(lines.length, 1);
  });

  it("keeps trying when the endpoint is away, and goes on when it is back", async () => {
    endpoint.answer = () => ({ status: 503 });
    const { consume } = fromEndpoint();
    const state = await trouble(consume);
    assert.equal(state.kind, "reconnecting");
    assert.match(state.error.message, /answered 503/);
    give(60);
    await up(consume);
  });

  it("turns red when the token has expired", async () => {
    const { consume } = linkTo({}, { token: secured.signer.token(-10) });
    const state = await trouble(consume);
    assert.equal(state.kind, "refused");
    assert.match(state.error.message, /has expired at/);
  });

  for (const [what, def, credentials] of [
    ["a token or a URL for one", {}, {}],
    ["a client id", { tokenUrl: "https://a/b" }, {}],
    ["a token URL that is one", { tokenUrl: "https://me:geheim@a/b" }, { clientId: "a" }],
    ["TLS for a client certificate", { auth: "external" }, {}],
  ] as const) {
    it(`needs ${what}`, () => {
      assert.throws(() => linkTo(def, credentials), { code: "NOT_CONFIGURED" });
    });
  }
});
