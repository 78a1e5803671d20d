import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Emulator } from "../../../../emulator/src/index";
import type { ConnectorError } from "../../../../nodes/common/errors";
import type { OrgClient } from "../../../../nodes/salesforce/client/org";
import { Authority } from "../../../services/certificates";
import { clientCredentials, Orgs } from "../../support";

const VARIABLES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/** A proxy as companies have them: CONNECT only, with a user name if there is one. */
class ConnectProxy {
  readonly asked: string[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((_request, response) => response.writeHead(405).end());

  constructor(private readonly login?: string) {
    this.server.on("connect", (request: IncomingMessage, client: Socket) => this.tunnel(request, client));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private tunnel(request: IncomingMessage, client: Socket): void {
    this.asked.push(request.url ?? "");
    const wanted = this.login && `Basic ${Buffer.from(this.login).toString("base64")}`;
    if (wanted && request.headers["proxy-authorization"] !== wanted) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const [host, port] = (request.url ?? "").split(":");
    const target = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      client.pipe(target).pipe(client);
    });
    for (const socket of [client, target]) {
      this.sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => this.sockets.delete(socket));
    }
  }
}

describe("A proxy that the environment names", () => {
  const orgs = new Orgs();
  const atFirst = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  const proxies: ConnectProxy[] = [];
  let org: Emulator;

  beforeEach(async () => {
    for (const name of VARIABLES) delete process.env[name];
    org = await orgs.start();
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(atFirst)) setVariable(name, value);
    await orgs.stop();
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });

  function setVariable(name: string, value: string | undefined): void {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  async function start(login?: string): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(login);
    proxies.push(proxy);
    await proxy.start();
    return proxy;
  }
  const call = (client: OrgClient) => client.rest.request({ method: "GET", path: "/limits" });

  for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) {
    it(`by ${name} takes login and calls`, async () => {
      const proxy = await start("line:s3cret");
      process.env[name] = `http://line:s3cret@127.0.0.1:${proxy.port}`;
      assert.equal((await call(orgs.client(clientCredentials(org)))).status, 200);
      assert.ok(proxy.asked.length > 0 && proxy.asked.every((target) => target === `127.0.0.1:${org.port}`));
    });
  }

  it("is left out for the hosts of NO_PROXY", async () => {
    const proxy = await start();
    process.env["HTTP_PROXY"] = `http://127.0.0.1:${proxy.port}`;
    process.env["NO_PROXY"] = "example.com,127.0.0.1";
    assert.equal((await call(orgs.client(clientCredentials(org)))).status, 200);
    assert.deepEqual(proxy.asked, []);
  });

  it("that wants a login, is away, or is no URL is named, without its password", async () => {
    const proxy = await start("line:s3cret");
    const gone = await start();
    const { port } = gone;
    await gone.stop();
    proxies.pop();
    for (const [address, text] of [
      [`http://line:wr0ng@127.0.0.1:${proxy.port}`, /refused with HTTP 407, which asks for a user name \(through the proxy 127\.0\.0\.1:/],
      [`http://line:wr0ng@127.0.0.1:${port}`, /through the proxy 127\.0\.0\.1:/],
      ["socks5://line:wr0ng@127.0.0.1:1", /socks5:\/\/ is not supported/],
      ["http://line:wr0ng@:x", /no URL/],
    ] as const) {
      process.env["HTTP_PROXY"] = address;
      await assert.rejects(call(orgs.client(clientCredentials(org))), (error: ConnectorError) => {
        assert.equal(error.code, "ORG_UNAVAILABLE", String(error));
        assert.match(error.message, text);
        assert.ok(!error.stack!.includes("wr0ng"));
        return true;
      });
    }
  });

  it("that does not reach the org has sent it nothing, so that a create can be sent again", async () => {
    const proxy = await start("line:s3cret");
    const client = orgs.client(clientCredentials(org));
    assert.equal((await call(client)).status, 200);
    process.env["HTTP_PROXY"] = `http://127.0.0.1:${proxy.port}`;
    await assert.rejects(client.rest.request({ method: "POST", path: "/sobjects/Case", body: {} }), { code: "ORG_UNAVAILABLE", scope: "system", details: { network: "PROXY", outcomeUnknown: false } });
  });

  it("before an org with a certificate that is not trusted has sent it nothing", async () => {
    const authority = new Authority();
    try {
      const { cert, key } = authority.server("DNS:localhost");
      const secure = await orgs.start({ host: "localhost", tls: { cert: String(cert), key: String(key) } });
      const proxy = await start();
      process.env["HTTPS_PROXY"] = `http://127.0.0.1:${proxy.port}`;
      await assert.rejects(call(orgs.client(clientCredentials(secure))), ({ message, details }: ConnectorError) => {
        assert.match(message, /certificate/);
        assert.equal(details.outcomeUnknown, false);
        return true;
      });
    } finally {
      authority.remove();
    }
  });

  it("is gone through with TLS to the org itself, by the Pub/Sub API, too, and certificates of NODE_EXTRA_CA_CERTS count", async function () {
    const authority = new Authority();
    try {
      const { cert, key } = authority.server("DNS:localhost");
      const schema = [{ name: "Ping__e", fields: [{ name: "Text__c", type: "string" as const }] }];
      const secure = await orgs.start({ host: "localhost", schema, pubsub: true, tls: { cert: String(cert), key: String(key) } });
      const proxy = await start("line:s3cret");
      const script = `
        const { OrgClient } = require(${JSON.stringify(join(__dirname, "../../../../nodes/salesforce/client/org"))});
        const { clientCredentials } = require(${JSON.stringify(join(__dirname, "../../support"))});
        const client = new OrgClient(clientCredentials({ url: ${JSON.stringify(secure.url)} }, { streams: { pubsubEndpoint: ${JSON.stringify(secure.pubsubEndpoint)} } }));
        const run = async () => {
          const { status } = await client.rest.request({ method: "GET", path: "/limits" });
          const [{ ok }] = await client.streams.publisher.create({ object: "Ping__e", records: [{ Text__c: "a" }] });
          return status + " " + ok;
        };
        run().catch(String).then((text) => console.log(text)).finally(() => client.close());`;
      const run = async (more: NodeJS.ProcessEnv): Promise<string> => {
        // where a machine has set the roots of gRPC, these alone would count
        const env = { ...process.env, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: "", HTTPS_PROXY: `http://line:s3cret@127.0.0.1:${proxy.port}`, ...more };
        return (await promisify(execFile)(process.execPath, ["--require", "tsx/cjs", "-e", script], { env })).stdout.trim();
      };
      const [trusted, stranger] = await Promise.all([run({ NODE_EXTRA_CA_CERTS: authority.ca.certFile }), run({})]);
      assert.equal(trusted, "200 true");
      assert.match(stranger, /ORG_UNAVAILABLE: .*certificate/);
      for (const target of [`localhost:${secure.port}`, secure.pubsubEndpoint ?? ""]) assert.ok(proxy.asked.includes(target), `${target} in ${proxy.asked.join()}`);
    } finally {
      authority.remove();
    }
  });
});
