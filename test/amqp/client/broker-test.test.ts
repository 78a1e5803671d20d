import assert from "node:assert/strict";
import { createServer as createWebServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import type { BrokerOptions } from "../../../nodes/amqp/client/broker";
import { testBroker, type HostReport } from "../../../nodes/amqp/client/broker-test";
import { certificateSignIn, tokenSignIn } from "../../../nodes/amqp/client/sign-in/sign-in";
import { fixedToken } from "../../../nodes/amqp/client/sign-in/token-source";
import { freePorts, waitFor } from "../../services/wait";
import { securedRabbit, type SecuredRabbit } from "../secured-rabbit";

describe("the test of a broker", function () {
  this.timeout(60_000);
  let secured: SecuredRabbit;
  const servers: Server[] = [];

  const listen = async (server: Server): Promise<string> => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const test = async (more: Partial<BrokerOptions>): Promise<HostReport> => {
    const [report] = await testBroker({ urls: [secured.rabbit.url], connectTimeout: 10, ...more });
    assert.ok(report);
    return report;
  };
  /** The web server and the one that only hangs up answer everybody. */
  const saying = (text: string): Server => createServer((socket) => void socket.on("error", () => undefined).end(text));

  before(async () => {
    secured = await securedRabbit();
  });
  after(() => servers.forEach((server) => server.close()));

  it("says which server answers, and how fast", async () => {
    const { where, ok, product, version, tls, roundTrip } = await test({});
    assert.deepEqual({ where, ok, product, tls }, { where: secured.rabbit.url.slice("amqp://".length), ok: true, product: "RabbitMQ", tls: undefined });
    assert.match(version ?? "", /^\d+\.\d+/);
    assert.ok(roundTrip !== undefined && roundTrip < 10_000);
  });

  it("says with which TLS it is connected", async () => {
    const report = await test({ urls: [secured.url()], tls: secured.tls(), signIn: certificateSignIn });
    assert.match(report.tls ?? JSON.stringify(report), /^TLSv1\./);
  });

  it("signs in with a token", async () => {
    assert.ok((await test({ signIn: () => tokenSignIn(fixedToken(secured.signer.token(60))) })).ok);
  });

  it("leaves no connection behind", async () => {
    await test({});
    await waitFor("none", async () => (await secured.rabbit.listConnections()).every(({ clientName }) => clientName !== "node-red (test)"));
  });

  it("reports each host in its place", async () => {
    const reports = await testBroker({ urls: [`amqp://127.0.0.1:${await freePorts()}`, secured.rabbit.url] });
    assert.deepEqual(reports.map(({ ok }) => ok), [false, true]);
  });

  it("is refused without an address", async () => {
    await assert.rejects(testBroker({ urls: [] }), { code: "NOT_CONFIGURED", message: "The broker has no address" });
  });

  it("says of hosts beyond the sixteenth that they were not tested", async () => {
    const dead = `amqp://127.0.0.1:${await freePorts()}`;
    const reports = await testBroker({ urls: [...Array.from({ length: 16 }, () => dead), secured.rabbit.url] });
    assert.equal(reports.length, 17);
    assert.deepEqual(reports[16], { where: secured.rabbit.url.slice("amqp://".length), ok: false, problem: `${secured.rabbit.url.slice("amqp://".length)}: not tested, because only the first 16 are` });
  });

  describe("says in words that", () => {
    const cases: [string, () => Promise<Partial<BrokerOptions>>, RegExp][] = [
      ["the name is not known", () => Promise.resolve({ urls: ["amqp://nowhere.invalid"] }), /the name (is not known here|could not be looked up)/],
      ["nothing listens", async () => ({ urls: [`amqp://127.0.0.1:${await freePorts()}`] }), /nothing takes connections there/],
      ["nobody answers", async () => ({ urls: [await listen(createServer())], connectTimeout: 0.2 }), /no answer within 0\.2 s/],
      ["the password is wrong", () => Promise.resolve({ username: "guest", password: "geheim" }), /refused the user name or password/],
      ["the virtual host is wrong", () => Promise.resolve({ vhost: "nowhere" }), /refused the virtual host nowhere/],
      ["the certificate is not known", () => Promise.resolve({ urls: [secured.url()] }), /certificate of localhost:\d+ was not accepted/],
      ["the port is without TLS", () => Promise.resolve({ urls: [secured.rabbit.url.replace("amqp:", "amqps:")] }), /write amqp:\/\/ instead of amqps:\/\//],
      ["the port is for TLS", () => Promise.resolve({ urls: [secured.url().replace("amqps:", "amqp:")] }), /write amqps:\/\/ instead of amqp:\/\//],
      ["it is a web server", async () => ({ urls: [await listen(createWebServer())] }), /this is a web server/],
      ["it speaks another AMQP", async () => ({ urls: [await listen(saying("AMQP\0\x01\0\0"))] }), /another version of AMQP/],
      ["it is something else", async () => ({ urls: [await listen(saying("SSH-2.0-OpenSSH_9\r\n"))] }), /not an AMQP server/],
      ["it hangs up at once", async () => ({ urls: [await listen(saying(""))] }), /hung up before the connection was open/],
    ];
    for (const [what, options, expected] of cases) {
      it(what, async () => {
        const { ok, problem } = await test(await options());
        assert.equal(ok, false);
        assert.match(problem ?? "", expected);
        assert.ok(!problem?.includes("geheim"));
      });
    }
  });
});
