import assert from "node:assert/strict";
import type { ConnectionOptions, Connection, ConnectionState } from "../../../../nodes/amqp/client/connection/connection";
import { certificateSignIn } from "../../../../nodes/amqp/client/sign-in/sign-in";
import { waitFor } from "../../../services/wait";
import { Authority } from "../../../services/certificates";
import { securedRabbit, type SecuredRabbit } from "../../secured-rabbit";
import { connectionTo } from "../../support";

describe("an AMQP connection over TLS", function () {
  this.timeout(60_000);
  let secured: SecuredRabbit;
  const open: Connection[] = [];

  const connectTo = (more: Partial<ConnectionOptions>): ReturnType<typeof connectionTo> => {
    const made = connectionTo(secured.rabbit, { urls: [secured.url()], tls: secured.tls(), ...more });
    open.push(made.connection);
    made.connection.open();
    return made;
  };
  const refusal = async (states: ConnectionState[]): Promise<Extract<ConnectionState, { kind: "refused" }>> => {
    const state = await waitFor("the refusal", () => states.find(({ kind }) => kind === "refused" || kind === "reconnecting"));
    assert.ok(state.kind === "refused", JSON.stringify(state));
    return state;
  };

  before(async () => {
    secured = await securedRabbit();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.close()));
  });

  it("connects with its own authority and a client certificate", async () => {
    const { connection, lines } = connectTo({});
    await waitFor("the connection", () => connection.model);
    assert.deepEqual(lines, []);
  });

  it("takes the server name of the TLS settings in place of the address", async () => {
    const { connection } = connectTo({ urls: [secured.url("127.0.0.1")], tls: secured.tls({ servername: "localhost" }) });
    await waitFor("the connection", () => connection.model);
  });

  it("connects without looking at the certificate when verifying is switched off", async () => {
    const { connection } = connectTo({ urls: [secured.url("127.0.0.1")], tls: secured.tls({ ca: undefined, rejectUnauthorized: false }) });
    await waitFor("the connection", () => connection.model);
  });

  it("signs in by the client certificate alone", async () => {
    const { connection } = connectTo({ signIn: certificateSignIn(), name: "by certificate" });
    await waitFor("the connection", () => connection.model);
    const found = await waitFor("it to be listed", async () => (await secured.rabbit.listConnections()).find(({ clientName }) => clientName === "by certificate"));
    assert.equal(found.user, "line-1");
  });

  describe("turns red and tries slowly, with the reason,", () => {
    it("when another authority has signed the certificate", async () => {
      const other = new Authority("another authority");
      const { states, lines } = connectTo({ tls: secured.tls({ ca: other.ca.cert }) });
      other.remove();
      const { error, delay } = await refusal(states);
      assert.match(error.message, /^The certificate of localhost:\d+ was not accepted: nobody known here has signed it/);
      assert.ok(delay >= 60_000);
      assert.equal(lines.length, 1);
    });

    it("when the certificate is for another name", async () => {
      const { states } = connectTo({ urls: [secured.url("127.0.0.1")] });
      const { error, delay } = await refusal(states);
      assert.match(error.message, /^The certificate of 127\.0\.0\.1:\d+ was not accepted: it is for another name/);
      assert.ok(delay >= 60_000);
    });

    it("when the broker misses a client certificate", async () => {
      const { states } = connectTo({ tls: { ca: secured.authority.ca.cert } });
      const { error, delay } = await refusal(states);
      assert.match(error.message, /asks for a client certificate/);
      assert.ok(delay >= 60_000);
    });

    it("when the broker does not know who signed the client certificate", async () => {
      const other = new Authority("another authority");
      const { cert, key } = other.client("line-1");
      const { states } = connectTo({ tls: secured.tls({ cert, key }) });
      other.remove();
      const { error } = await refusal(states);
      assert.match(error.message, /did not accept the client certificate .+ renewed is read when the flows are restarted$/);
    });

    it("when the broker has no user of the certificate's name", async () => {
      const { cert, key } = secured.authority.client("nobody");
      const { states } = connectTo({ tls: secured.tls({ cert, key }), signIn: certificateSignIn() });
      const { error, delay } = await refusal(states);
      assert.match(error.message, /refused the client certificate/);
      assert.ok(delay >= 60_000);
    });

    it("when the port does not speak TLS", async () => {
      const { states } = connectTo({ urls: [secured.rabbit.url.replace("amqp:", "amqps:")] });
      const { error } = await refusal(states);
      assert.match(error.message, /does not speak TLS on that port/);
    });
  });
});
