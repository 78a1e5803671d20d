import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { HttpTransport, NetworkError } from "../../../../nodes/salesforce/client/http/transport";
import { Authority } from "../../../services/certificates";

describe("The HTTP client below jsforce", () => {
  let server: http.Server;
  let url: string;
  let transport: HttpTransport;
  let answer: http.RequestListener;

  beforeEach((done) => {
    transport = new HttpTransport({ timeout: 2000, maxAnswer: 10_000 });
    server = http.createServer((request, response) => answer(request, response)).listen(0, "127.0.0.1", () => {
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      done();
    });
  });

  afterEach((done) => {
    transport.close();
    server.closeAllConnections();
    server.close(() => done());
  });

  const failure = async (timeout?: number): Promise<NetworkError> => {
    try {
      await transport.send({ method: "POST", url, body: "{}", timeout });
    } catch (error) {
      assert.ok(error instanceof NetworkError);
      return error;
    }
    return assert.fail("an answer came");
  };

  it("says of a port without TLS, and of a certificate by an unknown authority, what can be done", async () => {
    answer = (_request, response) => response.end();
    url = url.replace("http:", "https:");
    assert.match((await failure()).message, /^127\.0\.0\.1:\d+ speaks no TLS there: its address may begin with http:\/\//);
    const authority = new Authority();
    const secure = https.createServer(authority.server("IP:127.0.0.1")).listen(0, "127.0.0.1");
    await once(secure, "listening");
    url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`;
    assert.match((await failure()).message, /certificate.*: name its file in NODE_EXTRA_CA_CERTS/);
    secure.close();
    authority.remove();
  });

  it("allows a request the time that it takes on a slow connection", async () => {
    const body = Buffer.alloc(1_000_000);
    answer = (request, response) => {
      request.resume().on("end", () => setTimeout(() => response.end(), 300));
    };
    assert.equal((await transport.send({ method: "POST", url, body, timeout: 100 })).status, 200);
    assert.equal((await failure(100)).code, "TIMEOUT");
  });

  it("gives status, headers and body, and redirects as they are", async () => {
    answer = (_request, response) => response.writeHead(302, { location: "/x" }).end("méthode");
    const got = await transport.send({ method: "POST", url, body: "ü" });
    assert.deepEqual([got.status, got.headers.location, got.body], [302, "/x", "méthode"]);
  });

  it("unpacks compressed answers, whole and in pieces, up to a limit", async () => {
    const text = "ü".repeat(4000);
    for (const [encoding, pack] of [["gzip", gzipSync], ["deflate", deflateSync], ["br", brotliCompressSync]] as const) {
      answer = (_request, response) => response.writeHead(200, { "content-encoding": encoding }).end(pack(text));
      const whole = await transport.send({ method: "GET", url });
      assert.deepEqual([whole.body, whole.headers["content-encoding"]], [text, undefined]);
      const pieces: Buffer[] = [];
      await transport.send({ method: "GET", url, onBytes: (piece) => pieces.push(piece) });
      assert.equal(Buffer.concat(pieces).toString(), text);
      answer = (_request, response) => response.writeHead(200, { "content-encoding": encoding }).end(pack("x".repeat(20_000)));
      assert.equal((await failure()).code, "ANSWER_TOO_LARGE");
      answer = (_request, response) => response.writeHead(200, { "content-encoding": encoding }).end(pack(text).subarray(0, 12));
      assert.match((await failure()).message, /cannot be unpacked/);
    }
    answer = (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end();
    assert.equal((await transport.send({ method: "HEAD", url })).status, 200);
    answer = (_request, response) => response.writeHead(201, { "content-encoding": "gzip", "content-length": "0" }).end();
    assert.equal((await transport.send({ method: "PUT", url })).status, 201);
  });

  it("fails when the connection breaks in the middle of an answer", async () => {
    answer = (request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("[{");
      setTimeout(() => request.socket.resetAndDestroy(), 20);
    };
    const error = await failure();
    assert.equal(error.sent, true);
    assert.match(error.message, /broke the connection|aborted/);
  });

  it("fails when the connection breaks before the answer", async () => {
    answer = (request) => request.socket.resetAndDestroy();
    assert.deepEqual(await failure().then(({ code, sent }) => [code, sent]), ["ECONNRESET", true]);
  });

  it("gives up when the answer does not come in time, or not to its end", async () => {
    answer = (_request, response) => response.writeHead(200, { "content-length": "100" }).write("[{");
    const error = await failure(500);
    assert.deepEqual([error.code, error.sent], ["TIMEOUT", true]);
  });

  it("knows that nothing was sent when nobody listens", async () => {
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(await failure().then(({ code, sent }) => [code, sent]), ["ECONNREFUSED", false]);
  });

  it("ends a call that nobody waits for any more, and its socket", async () => {
    const closed = new Promise((resolve) => (answer = (request) => void request.socket.on("close", resolve)));
    const ending = new AbortController();
    const call = transport.send({ method: "POST", url, signal: ending.signal });
    setTimeout(() => ending.abort(), 20);
    await assert.rejects(call, { code: "ABORTED" });
    await closed;
    await assert.rejects(transport.send({ method: "POST", url, signal: ending.signal }), { code: "ABORTED" });
  });

  it("does not accept an endless answer", async () => {
    answer = (_request, response) => response.end(Buffer.alloc(20_000));
    assert.equal((await failure()).code, "ANSWER_TOO_LARGE");
  });
});
