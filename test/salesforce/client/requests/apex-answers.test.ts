import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { RequestSender } from "../../../../nodes/salesforce/client/requests/request-sender";
import { createConnection } from "../../../../nodes/salesforce/client/connection";
import { HttpTransport } from "../../../../nodes/salesforce/client/http/transport";
import { RestClient } from "../../../../nodes/salesforce/client/rest";
import type { Session } from "../../../../nodes/salesforce/client/sign-in/login";
import { TokenKeeper } from "../../../../nodes/salesforce/client/sign-in/token";

describe("An Apex class that chooses its own status", () => {
  let server: http.Server;
  let logins = 0;
  let answer: { status: number; body: string };
  const transport = new HttpTransport();
  beforeEach((done) => {
    logins = 0;
    server = http.createServer((_request, response) => response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body)).listen(0, done);
  });
  afterEach((done) => void server.close(done));
  after(() => transport.close());

  const call = async (path: string): Promise<ConnectorError> => {
    const instanceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const tokens = new TokenKeeper({ login: () => Promise.resolve({ accessToken: String((logins += 1)), instanceUrl } as Session) });
    const rest = new RestClient({ connection: createConnection("68.0", transport), tokens, transport });
    const sender = new RequestSender(rest, { returns: "json", safeToRepeat: false, failOnPartErrors: true });
    return sender.send({ method: "GET", path, headers: { connection: "close" } }).then(() => assert.fail("it is refused"), (error: unknown) => error as ConnectorError);
  };

  for (const status of [401, 500, 503]) {
    it(`of ${status} with words of its own fails its message, and holds up nobody`, async () => {
      answer = { status, body: '{"problem":"no such device"}' };
      const error = await call("/services/apexrest/devices/7");
      assert.deepEqual([error.code, error.scope, error.details.status, logins], ["ORG_REFUSED", "message", status, 1]);
      assert.equal(error.retryable, status !== 401);
    });
  }

  it("is not taken for one where the org itself answers", async () => {
    answer = { status: 503, body: '{"problem":"x"}' };
    assert.equal((await call("/limits")).scope, "system");
    answer = { status: 503, body: '[{"errorCode":"SERVER_UNAVAILABLE","message":"maintenance"}]' };
    assert.equal((await call("/services/apexrest/devices/7")).scope, "system");
    answer = { status: 401, body: '[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]' };
    assert.deepEqual([(await call("/services/apexrest/devices/7")).code, logins], ["ORG_SESSION_INVALID", 4]);
  });
});
