import assert from "node:assert/strict";
import { BackOff } from "../../../../nodes/common/back-off";
import { Broker } from "../../../../nodes/amqp/client/broker";
import { Connection } from "../../../../nodes/amqp/client/connection/connection";
import type { RabbitMq } from "../../../services/rabbitmq";
import { sharedRabbit } from "../../../services/shared";
import { freePorts, waitFor } from "../../../services/wait";
import { AFTER_RESTART, connectionTo, MutableProxy, quick, standStill } from "../../support";

describe("an AMQP connection", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  const open: Connection[] = [];

  const connectTo: typeof connectionTo = (server, more) => {
    const made = connectionTo(server, more);
    open.push(made.connection);
    made.connection.open();
    return made;
  };

  before(async () => {
    rabbit = await sharedRabbit();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.close()));
  });

  it("connects when it is opened, under the name it was given", async () => {
    const { connection, states, lines } = connectTo(rabbit, { name: "my flow" });
    await waitFor("the connection", () => connection.model);
    assert.deepEqual(states.map(({ kind }) => kind), ["connecting", "connected"]);
    await waitFor("its name", async () => (await rabbit.listConnections()).some(({ clientName }) => clientName === "my flow"));
    assert.deepEqual(lines, []);
  });

  it("reports a wrong password once, turns red, and tries again slowly", async () => {
    const { states, lines } = connectTo(rabbit, { password: "geheim", slowBackOff: new BackOff({ initial: 200, max: 200 }) });
    await waitFor("several refusals", () => states.filter(({ kind }) => kind === "refused").length >= 3);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^error: BROKER_REFUSED: 127\.0\.0\.1:\d+ refused the user name or password/);
    assert.ok(!JSON.stringify([lines, states]).includes("geheim"));
    assert.ok(states.every((state) => state.kind !== "refused" || state.error.code === "BROKER_REFUSED"));
    const tries = states.filter((state) => state.kind === "connecting");
    assert.deepEqual(tries.slice(0, 3).map(({ refused }) => refused?.code), [undefined, "BROKER_REFUSED", "BROKER_REFUSED"]);
  });

  it("waits a minute and more after a wrong password", async () => {
    const { states } = connectTo(rabbit, { password: "wrong" });
    const refused = await waitFor("the refusal", () => states.find((state) => state.kind === "refused"));
    assert.ok(refused.kind === "refused" && refused.delay >= 60_000);
  });

  it("reports an unknown virtual host, and soon tries slowly", async () => {
    const { states, lines } = connectTo(rabbit, { vhost: "nowhere/at all", slowBackOff: new BackOff({ initial: 50_000, random: () => 1 }) });
    await waitFor("the slow lane", () => states.some((state) => state.kind === "refused" && state.delay >= 50_000));
    assert.deepEqual(lines.length, 1);
    assert.match(lines[0] ?? "", /refused the virtual host nowhere\/at all/);
  });

  it("uses a virtual host with special characters in its name", async () => {
    await rabbit.addVhost("a/b%2F c");
    const { connection } = connectTo(rabbit, { vhost: "a/b%2F c" });
    await waitFor("the connection", () => connection.model);
  });

  it("tries the next URL when one does not answer", async () => {
    const dead = await freePorts();
    const { connection, lines } = connectTo(rabbit, { urls: [`amqp://127.0.0.1:${dead}`, rabbit.url] });
    await waitFor("the connection", () => connection.model);
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? "", /ECONNREFUSED/);
    assert.match(lines[1] ?? "", /^info: Connected to/);
  });

  it("comes back by itself after the broker was killed", async function () {
    this.timeout(240_000);
    const { connection, states, lines } = connectTo(rabbit);
    const first = await waitFor("the connection", () => connection.model);
    await rabbit.kill();
    await waitFor("the loss", () => connection.state.kind === "reconnecting");
    assert.equal(connection.model, undefined);
    await rabbit.start();
    const second = await waitFor("the new connection", () => connection.model, AFTER_RESTART);
    assert.notEqual(first, second);
    assert.equal(states.at(-1)?.kind, "connected");
    assert.ok(lines.length <= 3, lines.join("\n")); // lost, perhaps refused by a broker that is not ready yet, and back
    assert.match(lines.at(-1) ?? "", /^info: Connected to/);
  });

  it("blames a node that kept Node-RED busy, and not the broker, for a connection that had no heartbeat", async () => {
    const proxy = new MutableProxy(rabbit.port);
    const { connection, lines } = connectTo(rabbit, { urls: [await proxy.start()], heartbeat: 1 });
    await waitFor("the connection", () => connection.model);
    await standStill(2_500);
    for (const socket of proxy.sockets) socket.destroy(); // as the broker does then
    await waitFor("the line", () => lines.length > 0);
    proxy.stop();
    assert.match(lines[0] ?? "", /was lost: a node kept Node-RED busy for [23] s, in which no heartbeat was sent \(.+\)\. Let it work in parts, or raise Heartbeat$/);
  });

  it("says why the broker blocks it, and when it no longer does", async () => {
    const { connection, states } = connectTo(rabbit);
    const model = await waitFor("the connection", () => connection.model);
    const channel = await model.createChannel();
    try {
      await rabbit.block(true);
      channel.publish("", "nowhere", Buffer.from("the broker blocks who publishes"));
      const blocked = await waitFor("the block", () => states.find(({ kind }) => kind === "blocked"));
      assert.match(blocked.kind === "blocked" ? blocked.reason : "", /memory/);
    } finally {
      await rabbit.block(false);
    }
    await waitFor("the end of it", () => connection.state.kind === "connected");
  });

  it("waits longer each time when the broker takes it and drops it at once", async () => {
    const proxy = new MutableProxy(rabbit.port);
    const { connection, states } = connectTo(rabbit, { urls: [await proxy.start()], backOff: new BackOff({ initial: 50, random: () => 1 }) });
    connection.subscribe({ up: () => setImmediate(() => proxy.sockets.splice(0).forEach((socket) => socket.destroy())) });
    const delays = (): number[] => states.flatMap((state) => (state.kind === "reconnecting" ? [state.delay] : []));
    await waitFor("four losses", () => delays().length >= 4);
    await connection.close();
    proxy.stop();
    assert.deepEqual(delays().slice(0, 4), [50, 100, 200, 400]);
  });

  describe("to several hosts", () => {
    const proxies: MutableProxy[] = [];
    let urls: string[];
    /** A host goes down, with all connections to it. */
    const fell = (proxy: MutableProxy | undefined): void => proxy?.stop();

    beforeEach(async () => {
      proxies.splice(0, proxies.length, new MutableProxy(rabbit.port), new MutableProxy(rabbit.port), new MutableProxy(rabbit.port));
      urls = await Promise.all(proxies.map((proxy) => proxy.start()));
    });
    afterEach(() => proxies.forEach(fell));

    it("goes on to the next without waiting when the one it is on dies", async () => {
      const { connection, lines } = connectTo(rabbit, { urls, backOff: new BackOff({ initial: 60_000, max: 60_000, random: () => 1 }) });
      const first = await waitFor("the connection", () => connection.model);
      fell(proxies[0]);
      fell(proxies[1]);
      await waitFor("another", () => connection.model && connection.model !== first, { timeout: 20_000 });
      assert.equal(connection.address.port, Number(new URL(urls[2] ?? "").port));
      assert.equal(lines.length, 2);
      assert.match(lines[0] ?? "", /^warn: BROKER_UNAVAILABLE: The connection to 127\.0\.0\.1:\d+ was lost/);
      assert.match(lines[1] ?? "", /^info: Connected to/);
    });

    it("waits only when all of them have failed, then tries each again", async () => {
      proxies.forEach(fell);
      const { states } = connectTo(rabbit, { urls, backOff: new BackOff({ initial: 1_000, max: 1_000, random: () => 1 }) });
      const delays = (): number[] => states.flatMap((state) => (state.kind === "reconnecting" ? [state.delay] : []));
      await waitFor("two rounds", () => delays().length >= 6);
      assert.deepEqual(delays().slice(0, 6).map((delay) => delay === 1_000), [false, false, true, false, false, true]);
    });

    it("reports the refusal of one, but keeps trying while another may come back", async () => {
      fell(proxies[0]);
      const { states, lines } = connectTo(rabbit, { urls: urls.slice(0, 2), password: "wrong", backOff: new BackOff({ initial: 200, max: 200, random: () => 1 }) });
      await waitFor("two rounds", () => states.filter(({ kind }) => kind === "refused").length >= 2);
      assert.ok(states.every((state) => state.kind !== "refused" || state.delay === 200));
      assert.equal(lines.length, 2, lines.join("\n")); // each once
    });

    it("lets the second connection begin with the host that took the first", async () => {
      const broker = new Broker({ urls, backOff: new BackOff({ initial: 60_000, max: 60_000, random: () => 1 }) });
      const user = {};
      const { consume, publish } = broker.acquire(user);
      proxies.forEach(fell);
      for (const connection of [consume, publish]) connection.open();
      const waits = (connection: Connection): boolean => connection.state.kind === "reconnecting" && connection.state.delay > 1_000;
      await waitFor("both to wait", () => waits(consume) && waits(publish));
      await proxies[1]?.start(Number(new URL(urls[1] ?? "").port));
      consume.hurry();
      await waitFor("both", () => consume.model && publish.model, { timeout: 20_000 });
      assert.deepEqual(consume.address, publish.address);
      await broker.release(user);
    });
  });

  for (const [what, url] of Object.entries({ "is none": "broker", "is of another kind": "http://broker", "holds a password": "amqp://a:geheim@broker" })) {
    it(`refuses a URL that ${what}, without repeating it`, () => {
      assert.throws(
        () => new Connection({ urls: [url] }),
        (error: Error) => error.message.includes("address") && !error.message.includes("geheim"),
      );
    });
  }

  describe("to a broker that went mute", () => {
    let proxy: MutableProxy;
    let url: string;

    before(async () => {
      proxy = new MutableProxy(rabbit.port);
      url = await proxy.start();
    });
    beforeEach(() => {
      proxy.mute = false;
    });
    after(() => proxy.stop());

    it("closes within its deadline", async () => {
      const { connection } = connectTo(rabbit, { urls: [url] });
      await waitFor("the connection", () => connection.model);
      proxy.mute = true;
      const began = Date.now();
      await connection.close(300);
      assert.ok(Date.now() - began < 5_000);
      await waitFor("the socket to be gone", () => proxy.sockets.at(-2)?.destroyed);
    });

    it("gives up connecting after the connect timeout", async () => {
      proxy.mute = true;
      const { states } = connectTo(rabbit, { urls: [url], connectTimeout: 0.3 });
      const state = await waitFor("the end of patience", () => states.find(({ kind }) => kind === "reconnecting"));
      assert.match(state.kind === "reconnecting" ? state.error.message : "", /ETIMEDOUT/);
    });

    it("closes at once while it is connecting", async () => {
      proxy.mute = true;
      const { connection, states } = connectTo(rabbit, { urls: [url] });
      await waitFor("the socket", () => proxy.sockets.at(-2)?.destroyed === false);
      await connection.close();
      await waitFor("the socket to be gone", () => proxy.sockets.at(-2)?.destroyed);
      assert.equal(states.at(-1)?.kind, "closed");
    });
  });

  describe("of a broker's config node", () => {
    const brokerFor = (): Broker => new Broker({ urls: [rabbit.url], username: rabbit.username, password: rabbit.password, backOff: quick(), name: "counted" });
    const counted = async (): Promise<string[]> => (await rabbit.listConnections()).map(({ clientName }) => clientName).filter((name) => name.startsWith("counted"));

    it("is one per purpose for all users, and opens on first use", async () => {
      const broker = brokerFor();
      const users = [{}, {}, {}];
      const links = users.map((user) => broker.acquire(user));
      for (const { consume } of links) consume.open();
      await waitFor("the connection", () => links[0]?.consume.model);
      assert.deepEqual(await waitFor("one", async () => (await counted()).length === 1 && counted()), ["counted (consume)"]);
      for (const { publish } of links) publish.open();
      await waitFor("the other", async () => (await counted()).length === 2);
      for (const user of users) await broker.release(user);
      await waitFor("none", async () => (await counted()).length === 0);
    });

    it("is made again at once when the other one is back", async function () {
      this.timeout(240_000);
      const broker = new Broker({ urls: [rabbit.url], password: "guest", username: "guest" });
      const user = {};
      const { consume, publish } = broker.acquire(user);
      consume.open();
      publish.open();
      await waitFor("both", () => consume.model && publish.model);
      await rabbit.halt();
      await waitFor("the loss of both", () => consume.state.kind === "reconnecting" && publish.state.kind === "reconnecting");
      await rabbit.start();
      const first = await waitFor("one", () => (consume.model && consume) || (publish.model && publish), AFTER_RESTART);
      const other = first === consume ? publish : consume;
      await waitFor("the other", () => other.model, { timeout: 10_000 }); // its back-off has grown longer than that
      await broker.release(user);
    });

    it("reports a problem once, although both have it", async () => {
      const lines: string[] = [];
      const broker = new Broker({ urls: [rabbit.url], username: "guest", password: "wrong", log: (_level, text) => lines.push(text) });
      const user = {};
      const { consume, publish } = broker.acquire(user);
      consume.open();
      publish.open();
      await waitFor("both refusals", () => consume.state.kind === "refused" && publish.state.kind === "refused");
      assert.equal(lines.length, 1);
      await broker.release(user);
    });

    it("reports a loss once, although each has lost its connection in another way, and once that all is well", async () => {
      const proxy = new MutableProxy(rabbit.port);
      const url = await proxy.start();
      const lines: string[] = [];
      const broker = new Broker({ urls: [url], backOff: quick(), log: (level, text) => lines.push(`${level}: ${text}`) });
      const user = {};
      const { consume, publish } = broker.acquire(user);
      consume.open();
      await waitFor("one", () => consume.model);
      publish.open();
      await waitFor("the other", () => publish.model);
      const [ofConsume, , ofPublish] = [...proxy.sockets];
      const losses: Error[] = [];
      for (const connection of [consume, publish]) connection.subscribe({ down: (error) => losses.push(error) });
      ofConsume?.resetAndDestroy();
      ofPublish?.destroy();
      await waitFor("both losses", () => losses.length >= 2);
      assert.notEqual(losses[0]?.message, losses[1]?.message);
      await waitFor("both", () => consume.model && publish.model);
      await broker.release(user);
      proxy.stop();
      assert.deepEqual(lines.map((line) => line.split(":")[0]), ["warn", "info"], lines.join("\n"));
    });

    it("closes when its last user has gone, not before", async () => {
      const broker = brokerFor();
      const slow = {};
      const link = broker.acquire(slow);
      link.consume.open();
      await waitFor("the connection", () => link.consume.model);
      let closed = false;
      const closing = broker.close().then(() => (closed = true));
      await new Promise(setImmediate);
      assert.ok(link.consume.model);
      assert.equal(closed, false);
      await broker.release(slow);
      await closing;
      assert.equal(link.consume.state.kind, "closed");
    });

    it("does not wait for a user for ever", async () => {
      const broker = brokerFor();
      const link = broker.acquire({});
      link.consume.open();
      await waitFor("the connection", () => link.consume.model);
      await broker.close(100);
      assert.equal(link.consume.state.kind, "closed");
    });
  });
});
