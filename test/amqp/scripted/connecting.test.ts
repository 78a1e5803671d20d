import assert from "node:assert/strict";
import { testBroker } from "../../../nodes/amqp/client/broker-test";
import { Connection, type ConnectionState } from "../../../nodes/amqp/client/connection/connection";
import type { SignIn } from "../../../nodes/amqp/client/sign-in/sign-in";
import { BackOff } from "../../../nodes/common/back-off";
import { standStill } from "../support";
import type { Call } from "./call";
import { soon, Stage } from "./support";

describe("a connection to a scripted broker", () => {
  const stage = new Stage();
  const open: Connection[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.close(500)));
    await stage.clear();
  });

  function connectTo(more: object = {}): { connection: Connection; states: ConnectionState[]; lines: string[] } {
    const states: ConnectionState[] = [];
    const lines: string[] = [];
    const connection = new Connection({ urls: [stage.broker.url], backOff: new BackOff({ initial: 20, max: 20 }), log: (level, text) => lines.push(`${level}: ${text}`), ...more });
    connection.subscribe({ state: (state) => states.push(state) });
    open.push(connection);
    connection.open();
    return { connection, states, lines };
  }

  for (const version of ["4.1.0", "4.3.1"]) {
    it(`to ${version}, which takes no frame above 8192 bytes before tuning, comes about and carries large messages`, async () => {
      const broker = await stage.plays({ version, frameMax: 8_192 });
      const { connection } = connectTo({ name: "x".repeat(200) });
      const model = await soon("the connection", () => connection.model);
      assert.equal((await broker.expects("connection.tune-ok")).fields.frameMax, 8_192);
      const channel = await model.createConfirmChannel();
      broker.makeQueue("q");
      channel.sendToQueue("q", Buffer.alloc(100_000, "x"));
      await channel.waitForConfirms();
      assert.equal(broker.queue("q").ready[0]?.content.length, 100_000);
    });
  }

  it("says that it understands a consumer ended by the broker, and a blocked connection", async () => {
    const broker = await stage.plays();
    connectTo({ name: "my flow" });
    const { clientProperties } = (await broker.expects("connection.start-ok")).fields;
    assert.equal(clientProperties.connection_name, "my flow");
    assert.ok(clientProperties.capabilities?.consumer_cancel_notify);
    assert.ok(clientProperties.capabilities?.["connection.blocked"]);
  });

  it("is made anew after the broker's operator has closed it", async () => {
    const broker = await stage.plays();
    const { connection, states, lines } = connectTo();
    await soon("the connection", () => connection.model);
    for (const each of broker.connections) each.close(320, "CONNECTION_FORCED - Node was put into maintenance mode");
    await soon("the next", () => broker.seen("connection.open").length === 2 && connection.model);
    assert.ok(states.some((state) => state.kind === "reconnecting" && state.error.message.includes("maintenance mode")));
    assert.match(lines.at(-1) ?? "", /^info: Connected/);
  });

  it("is made anew when the broker's farewell comes together with its welcome", async () => {
    const broker = await stage.plays();
    let opened = 0;
    broker.on("connection.open", (call) => {
      opened += 1;
      call.reply("connection.open-ok", {});
      if (opened === 1) call.closeConnection(320, "CONNECTION_FORCED - Node was put into maintenance mode");
    });
    const { connection, lines } = connectTo();
    const model = await soon("the connection", () => connection.model);
    await model.createChannel();
    assert.equal(opened, 2);
    assert.match(lines[0] ?? "", /the broker closed the connection as soon as it was open/);
  });

  it("does not blame the virtual host for a connection that was open", async () => {
    const broker = await stage.plays();
    const { connection, states } = connectTo();
    await soon("the connection", () => connection.model);
    for (const each of broker.connections) each.close(530, "NOT_ALLOWED - attempt to reuse consumer tag 'a'");
    await soon("the next", () => broker.seen("connection.open").length === 2 && connection.model);
    assert.deepEqual(states.flatMap((state) => ("error" in state ? [`${state.kind}: ${state.error.message.replace(/:\d+/, "")}`] : [])), [
      "reconnecting: The connection to 127.0.0.1 was lost: NOT_ALLOWED - attempt to reuse consumer tag 'a'",
    ]);
  });

  describe("that is given a new secret", () => {
    let renew: (secret: string) => void = () => undefined;
    let token = "first";
    const signIn: SignIn = {
      what: "token",
      credentials: () => Promise.resolve({ mechanism: "PLAIN", response: () => Buffer.from(`\0\0${token}`) }),
      refused: () => undefined,
      onRenewed: (listener) => {
        renew = (secret) => listener((token = secret));
        return () => undefined;
      },
      close: () => undefined,
    };
    const shown = (): string[] => stage.broker.seen("connection.start-ok").map(({ fields }) => fields.response.toString().slice(2));
    const told = (): string[] => stage.broker.seen("connection.update-secret").map(({ fields }) => fields.newSecret.toString());

    for (const [what, version, script, secrets, tokens] of [
      ["keeps it where the broker takes the secret", "4.3.1", (call: Call) => call.goOn(), ["second"], ["first"]],
      ["is made anew with it where the broker does not", "4.3.1", (call: Call) => call.closeConnection(530, "NOT_ALLOWED - New secret was refused by one of the backends"), ["second"], ["first", "second"]],
      ["is made anew with it where the broker does not know how", "3.7.28", (call: Call) => call.goOn(), [], ["first", "second"]],
    ] as const) {
      it(what, async () => {
        const broker = await stage.plays({ version });
        token = "first";
        broker.on("connection.update-secret", script);
        const { connection } = connectTo({ signIn });
        await soon("the connection", () => connection.model);
        renew("second");
        await soon("the secret", () => told().length === secrets.length && shown().length === tokens.length && connection.model);
        assert.deepEqual([told(), shown()], [secrets, tokens]);
      });
    }

    it("keeps it while the broker blocks it and so reads no secret, and gives it the newest when that is over", async () => {
      const broker = await stage.plays({ version: "4.3.1" });
      token = "first";
      const { connection } = connectTo({ signIn });
      const model = await soon("the connection", () => connection.model);
      (await model.createChannel()).publish("", "nowhere", Buffer.from("x")); // who publishes is blocked
      broker.block("low on disk");
      await soon("the block", () => connection.state.kind === "blocked");
      renew("second");
      renew("third");
      broker.unblock();
      await soon("the secret", () => told().length > 0);
      renew("fourth");
      await soon("the next", () => told().includes("fourth"));
      assert.deepEqual([told(), shown(), connection.model === model], [["third", "fourth"], ["first"], true]);
    });
  });

  it("notices by its heartbeat that the broker hangs", async () => {
    const broker = await stage.plays();
    const { connection, states } = connectTo({ heartbeat: 1 });
    await soon("the connection", () => connection.model);
    for (const each of broker.connections) each.fallSilent();
    await soon("the loss", () => states.some((state) => state.kind === "reconnecting"));
    await soon("the next", () => connection.model);
  });

  it("blames a node that kept Node-RED busy for longer than the broker's own heartbeat allows, which is shorter than the one that is set", async () => {
    const broker = await stage.plays({ heartbeat: 1 });
    const { connection, lines } = connectTo({ heartbeat: 300 });
    await soon("the connection", () => connection.model);
    await standStill(2_500);
    for (const each of broker.connections) each.cut(); // as a broker does then that runs elsewhere
    await soon("the loss", () => lines.length > 0);
    assert.match(lines[0] ?? "", /a node kept Node-RED busy for [23] s/);
  });

  it("is no success to Test connection while the broker answers nothing", async () => {
    const broker = await stage.plays();
    broker.on("channel.open", () => undefined);
    const [report] = await testBroker({ urls: [broker.url], connectTimeout: 0.2 });
    assert.equal(report?.ok, false);
    assert.match(report?.problem ?? "", /the broker has taken longer than 0\.2 s to answer/);
  });
});
