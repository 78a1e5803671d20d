import assert from "node:assert/strict";
import { request } from "node:http";
import { startEmulator, type Emulator } from "../src/index";
import { Bayeux, type Answered } from "./bayeux";
import { Api, http, login } from "./helpers";

const ALERT = { name: "Device_Alert__e", platformEvent: true, fields: [{ name: "Serial__c", type: "string" as const, required: true }] };
const CHANNEL = "/event/Device_Alert__e";
const OTHER_USER = { username: "other@surewire.example", password: "other-password" };

describe("the CometD server", () => {
  let emulator: Emulator;
  /** Holds a connect until something happens. */
  let patient: Emulator;
  let token: string;

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT], users: [OTHER_USER], cometd: { timeout: 60, maxInterval: 5000 } });
    patient = await startEmulator({ cometd: { timeout: 60_000 } });
  });
  beforeEach(async () => {
    emulator.control.reset();
    token = await login(emulator);
  });
  after(() => Promise.all([emulator.stop(), patient.stop()]));

  const publish = (...serials: string[]): void => {
    emulator.control.insert({ object: "Device_Alert__e", records: serials.map((Serial__c) => ({ Serial__c })) });
  };
  const serials = (messages: Answered[]): unknown[] => messages.map(({ data }) => data.payload.Serial__c);
  const open = (): Promise<Bayeux> => Bayeux.open(emulator, token);

  describe("shakes hands", () => {
    it("with the replay extension, a client id and a cookie", async () => {
      const client = new Bayeux(emulator, token);
      const asked = { channel: "/meta/handshake", id: "7", version: "1.0", minimumVersion: "1.0", supportedConnectionTypes: ["long-polling"], ext: { replay: true } };
      const { status, body, headers } = await client.post([asked]);
      assert.equal(status, 200);
      const { clientId, ...rest } = body[0];
      assert.match(clientId, /^[a-z0-9]{20,}$/);
      assert.deepEqual(rest, {
        ext: { replay: true, "payload.format": true },
        minimumVersion: "1.0",
        supportedConnectionTypes: ["long-polling"],
        channel: "/meta/handshake",
        id: "7",
        version: "1.0",
        successful: true,
      });
      assert.match(headers.get("set-cookie") ?? "", /^BAYEUX_BROWSER=[0-9a-f]+;Path=\/cometd\/;HttpOnly$/);
      assert.equal(headers.get("content-type"), "application/json;charset=UTF-8");
    });

    it("with clients that offer more than long-polling, and with none that do not offer it", async () => {
      const client = new Bayeux(emulator, token);
      assert.equal((await client.handshake({ supportedConnectionTypes: ["in-process", "websocket", "long-polling"] })).successful, true);
      const denied = await client.handshake({ supportedConnectionTypes: ["websocket"] });
      assert.equal(denied["ext"].sfdc.failureReason, "400::Invalid connection type {websocket}");
    });

    it("only with clients that are signed in", async () => {
      const denied = await new Bayeux(emulator, "").handshake({ id: "1" });
      assert.deepEqual(denied, {
        ext: { sfdc: { failureReason: "401::Request requires authentication" }, replay: true, "payload.format": true },
        advice: { reconnect: "none" },
        channel: "/meta/handshake",
        id: "1",
        error: "403::Handshake denied",
        successful: false,
      });
      assert.equal((await new Bayeux(emulator, "00Dxx!wrong").handshake())["ext"].sfdc.failureReason, "401::Authentication invalid");
    });

    it("with no more clients than the org may have at a time", async () => {
      emulator.control.setLimit({ name: "StreamingApiConcurrentClients", max: 1 });
      const client = await open();
      const denied = await new Bayeux(emulator, token).handshake();
      assert.equal(denied["ext"].sfdc.failureReason, "403::Organization concurrent user limit exceeded");
      await client.disconnect();
      assert.equal((await new Bayeux(emulator, token).handshake()).successful, true);
    });

    it("at versions that have these streams only, in every spelling of the path", async () => {
      const at = async (path: string): Promise<[number, string?]> => {
        const { status, body } = await new Bayeux(emulator, token, path).post([{ channel: "/meta/handshake", version: "1.0", supportedConnectionTypes: ["long-polling"] }]);
        return [status, body[0].ext.sfdc?.failureReason];
      };
      for (const path of ["/cometd/37.0", "/cometd/68.0/", "/cometd/66.0/handshake"]) assert.deepEqual(await at(path), [200, undefined], path);
      for (const path of ["/cometd/36.0", "/cometd/99.0", "/cometd/replay/36.0"]) {
        const [status, reason] = await at(path);
        assert.equal(status, 400);
        assert.match(reason ?? "", /^400::Unsupported API version\. Only API versions '37\.0' and later are supported\./, path);
      }
      assert.deepEqual(await at("/cometd"), [400, "400::API version in the URI is mandatory. URI format: '/cometd/68.0'"]);
    });
  });

  describe("takes", () => {
    it("POST only: what tries WebSocket is told 405", async () => {
      const { status, headers } = await http(`${emulator.url}/cometd/66.0`);
      assert.deepEqual([status, headers.get("allow")], [405, "POST"]);
      const upgraded = await new Promise<number>((resolve, reject) => {
        const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13" };
        const asked = request(`${emulator.url}/cometd/66.0`, { headers }, (response) => resolve(response.resume().statusCode!));
        asked.on("error", reject).end();
      });
      assert.equal(upgraded, 405);
    });

    it("JSON: an array of messages, or a single one", async () => {
      const client = await open();
      assert.deepEqual((await client.post([])).body, []);
      assert.equal((await client.post(client.message("/meta/subscribe", { subscription: CHANNEL }))).body[0].successful, true);
      assert.deepEqual([(await client.post("[{")).status, (await client.post("[1]")).status], [400, 400]);
      assert.deepEqual((await client.post("message=%5B%5D", { "Content-Type": "application/x-www-form-urlencoded" })).status, 400);
    });

    it("messages of any shape, and never fails itself", async () => {
      const client = await open();
      const odd: unknown[] = [null, 1, true, "", "x", [], [1], {}, { toString: 1 }, { length: -1 }];
      for (const channel of ["/meta/handshake", "/meta/connect", "/meta/subscribe", "/meta/unsubscribe", CHANNEL]) {
        const members = ["channel", "id", "clientId", "subscription", "ext", "advice", "connectionType", "supportedConnectionTypes", "version"];
        const good = client.message(channel, { subscription: CHANNEL, connectionType: "websocket", supportedConnectionTypes: ["long-polling"] });
        const messages = members.flatMap((member) => odd.map((value) => ({ ...good, [member]: value })));
        const replays = odd.flatMap((replay) => [{ ...good, ext: { replay } }, { ...good, ext: { replay: { [CHANNEL]: replay } } }]);
        const { status, body } = await client.post([...messages, ...replays]);
        assert.deepEqual([status, body.length], [200, messages.length + replays.length]);
      }
    });

    it("no more than 32,768 bytes", async () => {
      const client = await open();
      const of = (bytes: number): string => JSON.stringify([client.message("/meta/subscribe", { subscription: CHANNEL })]).padEnd(bytes, " ");
      assert.equal((await client.post(of(32_768))).status, 200);
      const { status, body } = await client.post(of(32_769));
      assert.deepEqual([status, body], [413, "Maximum Request Size Exceeded"]);
    });

    it("several messages in one call, and answers each of them", async () => {
      const client = new Bayeux(emulator, token);
      await client.handshake();
      const answers = await client.send(
        client.message("/meta/connect", { connectionType: "long-polling", advice: { timeout: 0 } }),
        client.message("/meta/subscribe", { subscription: CHANNEL }),
        client.message("/meta/subscribe", { subscription: "/event/None__e" }),
      );
      assert.deepEqual(answers.map(({ channel, id, successful }) => [channel, id, successful]), [["/meta/connect", "2", true], ["/meta/subscribe", "3", true], ["/meta/subscribe", "4", false]]);
    });

    it("no events of clients", async () => {
      const client = await open();
      const [answer] = await client.send(client.message(CHANNEL, { data: {} }));
      assert.deepEqual([answer!.successful, answer!.error], [false, "403:denied_by_security_policy:publish_denied"]);
      assert.equal((await client.send(client.message("/meta/nothing")))[0]!.error, "404::Unknown channel");
      assert.equal((await client.send({ clientId: client.clientId }))[0]!.error, "400::Channel name not specified");
    });
  });

  describe("knows a client", () => {
    it("by its id, its cookie, its user and its token, on every call", async () => {
      const client = await open();
      const subscribe = async (more: object = {}): Promise<string | undefined> => (await client.send(client.message("/meta/subscribe", { subscription: CHANNEL, ...more })))[0]!.error;
      assert.equal(await subscribe({ clientId: undefined }), "403::Client has not completed handshake");
      assert.equal(await subscribe({ clientId: "nobody" }), "403::Unknown client");
      const cookie = client.cookie;
      client.cookie = undefined;
      assert.equal(await subscribe(), `400::Client ${client.clientId} has established a session, but no BAYEUX_BROWSER cookie present`);
      client.cookie = "BAYEUX_BROWSER=abc";
      assert.equal(await subscribe(), "403::Unknown client");
      client.cookie = `first=1; ${cookie}`;
      assert.equal(await subscribe(), undefined);
      const form = { grant_type: "password", client_id: "surewire-emulator-client", client_secret: "surewire-emulator-secret", ...OTHER_USER };
      client.token = (await http(`${emulator.url}/services/oauth2/token`, { method: "POST", body: new URLSearchParams(form) })).body.access_token;
      assert.equal(await subscribe(), "400::Authenticated user id does not match the session's user id");
      client.token = "wrong";
      assert.equal(await subscribe(), "401::Authentication invalid");
      client.token = "";
      assert.equal(await subscribe(), "401::Request requires authentication");
      client.token = await login(emulator);
      assert.equal(await subscribe(), undefined, "another token of the same user is good");
    });

    it("no more when it has stayed away too long", async () => {
      const impatient = await startEmulator({ schema: [ALERT], cometd: { timeout: 350, maxInterval: 300 } });
      try {
        // a busy machine itself may stay away too long
        const heldThrough = async (tries: number): Promise<Bayeux> => {
          const client = await Bayeux.open(impatient).catch((error: unknown) => assert.ok(tries > 1, error as Error));
          if (client && (await client.connect())[0]!.successful) return client;
          assert.ok(tries > 1, "a connect that is held is no absence");
          return heldThrough(tries - 1);
        };
        const client = await heldThrough(5);
        while (impatient.control.listStreams().streams.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
        assert.deepEqual(await client.connect({ id: "667" }), [
          { advice: { reconnect: "handshake", interval: 0 }, channel: "/meta/connect", id: "667", error: "403::Unknown client", successful: false },
        ]);
        assert.equal((await client.handshake()).successful, true);
      } finally {
        await impatient.stop();
      }
    });

    it("no more once it has disconnected; a connect that is held ends with it", async () => {
      const client = await Bayeux.open(patient);
      const waiting = client.connect();
      await client.held();
      assert.equal((await client.disconnect()).successful, true);
      assert.deepEqual((await waiting)[0]!.advice, { reconnect: "none", interval: 0 });
      assert.equal((await client.connect())[0]!.error, "403::Unknown client");
    });
  });

  describe("holds a connect", () => {
    it("but the first, which is answered at once with advice", async () => {
      const client = new Bayeux(emulator, token);
      await client.handshake();
      assert.deepEqual(await client.connect({ id: "c1" }), [
        { clientId: client.clientId, advice: { interval: 0, timeout: 60, reconnect: "retry" }, channel: "/meta/connect", id: "c1", successful: true },
      ]);
      const started = performance.now();
      assert.deepEqual(await client.connect({ id: "c2" }), [{ clientId: client.clientId, channel: "/meta/connect", id: "c2", successful: true }]);
      assert.ok(performance.now() - started >= 50, "it was held");
    });

    it("but not when the client does not want to wait", async () => {
      // whatever waits now waits for ever
      emulator.control.holdConnects();
      const client = await open();
      assert.equal((await client.connect({ advice: { timeout: 0 } }))[0]!.successful, true);
      const [connected] = await client.send(client.message("/meta/connect", { connectionType: "long-polling" }), client.message("/meta/unsubscribe", { subscription: CHANNEL }));
      assert.equal(connected!.successful, true);
    });

    it("until another one overtakes it", async () => {
      const client = await Bayeux.open(patient);
      const older = client.post([client.message("/meta/connect", { connectionType: "long-polling" })]);
      await client.held();
      const newer = client.connect();
      assert.equal((await older).status, 408);
      await client.disconnect();
      assert.equal((await newer)[0]!.successful, true);
    });

    it("of a client only that says how it connects", async () => {
      const client = await open();
      const [answer] = await client.connect({ connectionType: "websocket" });
      assert.equal(answer!.error, "400::Invalid connection type {websocket}");
    });

    it("and keeps what comes for a client that broke off", async () => {
      const client = await open();
      await client.subscribe(CHANNEL);
      const given = new AbortController();
      const lost = client.post([client.message("/meta/connect", { connectionType: "long-polling" })], {}, given.signal);
      await client.held();
      given.abort();
      await assert.rejects(lost);
      while (emulator.control.listStreams().streams[0]!.held) await new Promise((resolve) => setTimeout(resolve, 2));
      publish("a");
      assert.deepEqual(serials(await client.receive(1)), ["a"]);
    });
  });

  describe("looks after the sign-in", () => {
    it("does not let it time out while the client is there", async () => {
      const client = await open();
      emulator.control.shiftClock({ ms: 3 * 3_600_000 });
      assert.equal((await client.connect())[0]!.successful, true);
      await client.disconnect();
      emulator.control.shiftClock({ ms: 3 * 3_600_000 });
      assert.equal((await new Bayeux(emulator, token).handshake()).successful, false);
    });

    it("ends the stream when it is revoked", async () => {
      const client = await open();
      const waiting = client.connect({ id: "7" });
      await client.held();
      emulator.control.expireTokens();
      assert.deepEqual(await waiting, [
        { clientId: client.clientId, advice: { reconnect: "none", interval: 0 }, channel: "/meta/connect", id: "7", error: "401::Authentication invalid", successful: false },
      ]);
      assert.equal((await client.connect())[0]!.error, "401::Authentication invalid");
      client.token = await login(emulator);
      assert.equal((await client.connect())[0]!.error, "403::Unknown client");
    });
  });

  it("ends the polls that are held when it stops", async () => {
    const stopping = await startEmulator({ cometd: { timeout: 60_000 } });
    const client = await Bayeux.open(stopping);
    const waiting = client.connect();
    await client.held();
    await Promise.all([stopping.stop(), assert.rejects(waiting)]);
  });

  it("knows no client any more after a reset of the org", async () => {
    const client = await Bayeux.open(patient);
    const waiting = client.connect();
    await client.held();
    patient.control.reset();
    assert.equal((await waiting)[0]!.error, "403::Unknown client");
    client.token = (await Api.connect(patient)).token;
    assert.equal((await client.connect())[0]!.error, "403::Unknown client");
    assert.deepEqual(emulator.control.listStreams().streams, []);
  });
});
