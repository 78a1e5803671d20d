import assert from "node:assert/strict";
import { Connection, type ConnectionState } from "../../../nodes/amqp/client/connection";
import { BackOff } from "../../../nodes/common/back-off";
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

  it("notices by its heartbeat that the broker hangs", async () => {
    const broker = await stage.plays();
    const { connection, states } = connectTo({ heartbeat: 1 });
    await soon("the connection", () => connection.model);
    for (const each of broker.connections) each.fallSilent();
    await soon("the loss", () => states.some((state) => state.kind === "reconnecting"));
    await soon("the next", () => connection.model);
  });
});
