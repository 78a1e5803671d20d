import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Authorizations, type AuthorizationRequest, checkCallback } from "../../../../nodes/salesforce/client/sign-in/authorizations";

const CALLBACK = "https://plant.example/red/surewire/salesforce-org/callback";
const REQUEST: AuthorizationRequest = {
  nodeId: "org", loginUrl: "https://acme.my.salesforce.com/", clientId: "key", clientSecret: "hush", redirectUri: CALLBACK, user: "ada",
};

describe("An authorization by the browser", () => {
  let now = 0;
  let authorizations: Authorizations;
  beforeEach(() => (authorizations = new Authorizations({ now: () => now })));
  const begin = (more: Partial<AuthorizationRequest> = {}, browser = "browser") => {
    const { url, handle } = authorizations.begin({ ...REQUEST, ...more }, browser);
    const address = new URL(url);
    return { address, handle, state: address.searchParams.get("state")!, query: Object.fromEntries(address.searchParams) };
  };

  it("shows the org a challenge, never the verifier or the secret", () => {
    const { address, state, query } = begin();
    assert.equal(address.origin + address.pathname, "https://acme.my.salesforce.com/services/oauth2/authorize");
    assert.deepEqual([query.response_type, query.client_id, query.redirect_uri, query.scope, query.code_challenge_method], ["code", "key", CALLBACK, "api refresh_token", "S256"]);
    const { verifier } = authorizations.take(state, "browser")!;
    assert.match(verifier, /^[\w-]{43}$/);
    assert.equal(query.code_challenge, createHash("sha256").update(verifier).digest("base64url"));
    for (const secret of [verifier, "hush"]) assert.ok(!address.href.includes(secret));
  });

  it("is good once", () => {
    const { state } = begin();
    assert.ok(authorizations.take(state, "browser"));
    assert.equal(authorizations.take(state, "browser"), undefined);
  });

  it("is good in the browser that began it, which a try from another one does not spoil", () => {
    const { state } = begin();
    assert.equal(authorizations.take(state, "other"), undefined);
    assert.equal(authorizations.take(state, ""), undefined);
    assert.ok(authorizations.take(state, "browser"));
  });

  it("is over after ten minutes, with what came of it", () => {
    const { state, handle } = begin();
    now += 600_000;
    assert.equal(authorizations.take(state, "browser"), undefined);
    assert.equal(authorizations.outcome(handle, "ada"), undefined);
  });

  it("is reported to the user who began it, and to nobody else", () => {
    const { state, handle } = begin();
    assert.deepEqual(authorizations.outcome(handle, "ada"), { status: "waiting" });
    authorizations.settle(authorizations.take(state, "browser")!, { status: "connected", username: "u", instance: "i" });
    assert.deepEqual(authorizations.outcome(handle, "ada"), { status: "connected", username: "u", instance: "i" });
    assert.equal(authorizations.outcome(handle, "eve"), undefined);
    assert.equal(authorizations.outcome("nothing", "ada"), undefined);
  });

  it("is forgotten when twenty later ones have begun", () => {
    const first = begin();
    const others = Array.from({ length: 20 }, () => begin());
    assert.equal(authorizations.take(first.state, "browser"), undefined);
    assert.ok(authorizations.take(others[0]!.state, "browser"));
  });

  it("does not begin without a key, or by plain http", () => {
    assert.throws(() => begin({ clientId: " " }), /no consumer key/);
    assert.throws(() => begin({ loginUrl: "http://acme.my.salesforce.com" }), /https/);
  });

  it("comes back to this editor only", () => {
    const path = "/surewire/salesforce-org/callback";
    assert.equal(checkCallback(CALLBACK, path, "https://plant.example"), CALLBACK);
    assert.equal(checkCallback(CALLBACK, path, undefined), CALLBACK);
    for (const [callback, origin] of [
      [CALLBACK, "https://evil.example"],
      ["https://plant.example/other", "https://plant.example"],
      [`${CALLBACK}?x=1`, "https://plant.example"],
      [`javascript:alert(1)//${path}`, undefined],
      ["", undefined],
    ] as const) {
      assert.throws(() => checkCallback(callback, path, origin), /not this editor's/, callback);
    }
  });
});
