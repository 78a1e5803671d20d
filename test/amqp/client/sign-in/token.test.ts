import assert from "node:assert/strict";
import { fetchToken, type TokenEndpoint } from "../../../../nodes/amqp/client/sign-in/token-endpoint";
import { fixedToken, RenewedToken } from "../../../../nodes/amqp/client/sign-in/token-source";
import { BackOff } from "../../../../nodes/common/back-off";
import { ConnectorError } from "../../../../nodes/common/errors";
import { freePorts, waitFor } from "../../../services/wait";
import { FakeTokenEndpoint } from "../../token-endpoint";

const SECRET = "ge heim:%";

/** A token that says when it expires, in s from now. */
const jwt = (life: number): string => `h.${Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + life })).toString("base64url")}.s`;

describe("a token for a broker", () => {
  let endpoint: FakeTokenEndpoint;
  const ask = (more: Partial<TokenEndpoint> = {}): ReturnType<typeof fetchToken> =>
    fetchToken({ url: endpoint.url, clientId: "flow", clientSecret: SECRET, scope: "a b", timeout: 10_000, ...more });

  before(async () => {
    endpoint = new FakeTokenEndpoint();
    await endpoint.start();
  });
  beforeEach(() => endpoint.asked.splice(0));
  after(() => endpoint.stop());

  const failure = async (more?: Partial<TokenEndpoint>): Promise<ConnectorError> => {
    const error = await ask(more).then(
      () => assert.fail("there was a token"),
      (reason: unknown) => reason as ConnectorError,
    );
    assert.ok(!error.message.includes(SECRET), error.message);
    return error;
  };

  it("is asked for with the client's id and secret in the header", async () => {
    endpoint.answer = () => ({ status: 200, body: { access_token: "t", expires_in: 60 } });
    const { token, expires } = await ask();
    assert.equal(token, "t");
    assert.ok(Math.abs((expires ?? 0) - Date.now() - 60_000) < 2_000);
    assert.equal(endpoint.asked.length, 1);
    const [id, secret] = Buffer.from((endpoint.asked[0]?.authorization ?? "").replace("Basic ", ""), "base64").toString().split(":");
    assert.deepEqual([id, decodeURIComponent((secret ?? "").replaceAll("+", " "))], ["flow", SECRET]);
    assert.deepEqual(Object.fromEntries(endpoint.asked[0]?.form ?? []), { grant_type: "client_credentials", scope: "a b" });
  });

  it("is asked for with both in the body, when the server wants them there", async () => {
    endpoint.answer = ({ form }) => (form.get("client_secret") === SECRET ? { status: 200, body: { access_token: "t" } } : { status: 401, body: { error: "invalid_client" } });
    assert.deepEqual(await ask(), { token: "t" });
  });

  for (const [said, life] of [[null, undefined], ["", undefined], [true, undefined], ["soon", undefined], ["60", 60_000]] as const) {
    it(`${life ? "lasts a minute" : "lasts for nobody knows how long"} where the server says expires_in: ${JSON.stringify(said)}`, async () => {
      endpoint.answer = () => ({ status: 200, body: { access_token: "t", expires_in: said } });
      const { expires } = await ask();
      if (life === undefined) assert.equal(expires, undefined);
      else assert.ok(Math.abs((expires ?? 0) - Date.now() - life) < 2_000);
    });
  }

  it("is refused in the server's words, without the secret", async () => {
    endpoint.answer = () => ({ status: 401, body: { error: "invalid_client", error_description: `bad secret ${SECRET}` } });
    const error = await failure();
    assert.equal(error.code, "BROKER_REFUSED");
    assert.match(error.message, /gave no token \(401\): invalid_client: bad secret \*\*\*/);
  });

  it("is refused without the secret also where the server repeats the request as it came", async () => {
    endpoint.answer = ({ authorization = "" }) => {
      const decoded = Buffer.from(authorization.replace("Basic ", ""), "base64").toString();
      return { status: 400, body: { error: "odd", error_description: `${authorization} ${decoded}` } };
    };
    const { message } = await failure();
    assert.match(message, /gave no token \(400\): odd: Basic \*\*\* flow:\*\*\*$/);
  });

  it("is not requested from a redirect", async () => {
    endpoint.answer = () => ({ status: 307, headers: { location: endpoint.url } });
    assert.equal((await failure()).code, "BROKER_REFUSED");
    assert.equal(endpoint.asked.length, 1);
  });

  for (const status of [429, 500, 503]) {
    it(`may come later after an answer of ${status}`, async () => {
      endpoint.answer = () => ({ status, body: "<html>" });
      assert.equal((await failure()).code, "BROKER_UNAVAILABLE");
    });
  }

  it("may come later from a server that is silent", async () => {
    endpoint.answer = () => undefined;
    const error = await failure({ timeout: 100 });
    assert.equal(error.code, "BROKER_UNAVAILABLE");
    assert.match(error.message, /no answer within 0\.1 s/);
  });

  it("may come later from a server that is not there", async () => {
    const error = await failure({ url: `http://127.0.0.1:${await freePorts()}/` });
    assert.equal(error.code, "BROKER_UNAVAILABLE");
    assert.match(error.message, /refused the connection/);
  });

  it("is not taken from an endless answer", async () => {
    endpoint.answer = () => ({ status: 200, body: "x".repeat(300_000) });
    assert.match((await failure()).message, /larger than/);
  });

  it("is none when the answer holds none", async () => {
    endpoint.answer = () => ({ status: 200, body: { token: "t" } });
    assert.equal((await failure()).code, "BROKER_REFUSED");
  });

  it("that was typed in is used until it expires", async () => {
    assert.equal(await fixedToken("opaque").get(), "opaque");
    assert.ok(await fixedToken(jwt(60)).get());
    await assert.rejects(fixedToken(jwt(-60)).get(), { code: "BROKER_REFUSED", message: /has expired at/ });
  });

  describe("that is renewed", () => {
    const sources: RenewedToken[] = [];
    const source = (options: ConstructorParameters<typeof RenewedToken>[0]): RenewedToken => {
      const made = new RenewedToken({ backOff: new BackOff({ initial: 10, max: 10 }), random: () => 0.5, shortest: 10, ...options });
      sources.push(made);
      return made;
    };
    afterEach(() => sources.splice(0).forEach((made) => made.close()));

    it("is asked for once, however many want it", async () => {
      let fetched = 0;
      const tokens = source({ fetch: () => Promise.resolve({ token: `t${(fetched += 1)}`, expires: Date.now() + 3_600_000 }) });
      assert.deepEqual(await Promise.all([tokens.get(), tokens.get()]), ["t1", "t1"]);
      assert.equal(await tokens.get(), "t1");
    });

    it("is not given out shortly before it expires, nor after the broker refused it", async () => {
      let fetched = 0;
      const tokens = source({ fetch: () => Promise.resolve({ token: `t${(fetched += 1)}`, expires: Date.now() + 100 }), shortest: 10_000 }); // no timer of its own
      assert.equal(await tokens.get(), "t1");
      await waitFor("the next", async () => (await tokens.get()) === "t2", { interval: 10 });
      tokens.forget();
      assert.equal(await tokens.get(), "t3");
    });

    it("is replaced when 80 % of its life is over, and its users are told", async () => {
      let fetched = 0;
      const began = Date.now();
      const renewed: number[] = [];
      const tokens = source({ fetch: () => Promise.resolve({ token: `t${(fetched += 1)}`, expires: Date.now() + 500 }) });
      await tokens.get();
      tokens.onRenewed(() => renewed.push(Date.now() - began));
      await waitFor("the renewal", () => renewed.length > 0);
      assert.ok((renewed[0] ?? 0) >= 390, String(renewed[0]));
    });

    it("knows from the token itself when it expires", async () => {
      let fetched = 0;
      const tokens = source({ fetch: () => Promise.resolve({ token: jwt((fetched += 1) === 1 ? 1 : 60) }) });
      await tokens.get();
      await waitFor("the renewal", () => fetched === 2);
    });

    it("is tried again when the server is away, with one line in the log and one when it is back", async () => {
      let fetched = 0;
      const lines: string[] = [];
      const tokens = source({
        fetch: () => {
          fetched += 1;
          if (fetched > 1 && fetched < 4) return Promise.reject(new ConnectorError("BROKER_UNAVAILABLE", "away"));
          return Promise.resolve({ token: "t", expires: Date.now() + (fetched === 1 ? 100 : 60_000) });
        },
        log: (level, text) => lines.push(`${level}: ${text}`),
      });
      await tokens.get();
      await waitFor("it to be back", () => lines.length === 2);
      assert.deepEqual(lines, ["warn: BROKER_UNAVAILABLE: The broker's token could not be renewed: away", "info: The broker's token could be renewed again"]);
    });
  });
});
