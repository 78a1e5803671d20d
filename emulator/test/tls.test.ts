import assert from "node:assert/strict";
import { get } from "node:https";
import { Authority } from "../../test/services/certificates";
import { startEmulator } from "../src/index";

describe("with a certificate", () => {
  let authority: Authority;
  before(() => (authority = new Authority()));
  after(() => authority.remove());

  it("the org serves https, and names itself so", async () => {
    const { cert, key } = authority.server("IP:127.0.0.1");
    const org = await startEmulator({ tls: { cert: String(cert), key: String(key) } });
    try {
      assert.match(org.url, /^https:/);
      const body = await new Promise<string>((resolve, reject) => {
        get(`${org.url}/services/oauth2/authorize`, { ca: authority.ca.cert }, (answer) => {
          let text = "";
          answer.on("data", (chunk: Buffer) => (text += chunk.toString())).on("end", () => resolve(text));
        }).on("error", reject);
      });
      assert.match(body, /invalid_client_id/);
    } finally {
      await org.stop();
    }
  });
});
