import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import type { Session } from "../../../../nodes/salesforce/client/sign-in/login";
import { TokenKeeper } from "../../../../nodes/salesforce/client/sign-in/token";

/** A keeper with a clock and a login host that the test holds in its hands. */
function rig(options: { renewable?: boolean } = {}) {
  const state = { now: 0, logins: 0, failWith: undefined as ConnectorError | undefined };
  const keeper = new TokenKeeper({
    ...options,
    clock: { ticks: () => state.now },
    pace: { transient: { initial: 1000, max: 60_000, random: () => 1 }, refused: { initial: 300_000, max: 3_600_000, random: () => 1 } },
    login: async (): Promise<Session> => {
      state.logins += 1;
      const number = state.logins;
      await Promise.resolve();
      if (state.failWith) throw state.failWith;
      return { accessToken: `token ${number}`, instanceUrl: "https://acme.my.salesforce.com" };
    },
  });
  return { state, keeper };
}

describe("The token of an org", () => {
  it("is fetched once for a hundred who ask at once", async () => {
    const { state, keeper } = rig();
    const sessions = await Promise.all(Array.from({ length: 100 }, () => keeper.get()));
    assert.equal(state.logins, 1);
    assert.equal(new Set(sessions).size, 1);
  });

  it("is renewed once for all who were refused with the same one, late ones too", async () => {
    const { state, keeper } = rig();
    const stale = await keeper.get();
    const fresh = await Promise.all(Array.from({ length: 50 }, () => keeper.renew(stale)));
    assert.deepEqual(new Set(fresh.map((session) => session.accessToken)), new Set(["token 2"]));
    assert.equal((await keeper.renew(stale)).accessToken, "token 2");
    assert.equal(state.logins, 2);
  });

  it("is not asked for again within minutes of a refused login", async () => {
    const { state, keeper } = rig();
    state.failWith = new ConnectorError("ORG_LOGIN_FAILED", "refused");
    for (let i = 0; i < 20; i += 1) await assert.rejects(keeper.get(), /refused/);
    assert.equal(state.logins, 1);
    assert.equal(keeper.waitMs, 300_000);
    state.now = 299_999;
    await assert.rejects(keeper.get());
    assert.equal(state.logins, 1);
    state.now = 300_000;
    await assert.rejects(keeper.get());
    assert.equal(state.logins, 2);
    assert.equal(keeper.waitMs, 600_000);
  });

  it("is asked for again soon when the login host could not be reached", async () => {
    const { state, keeper } = rig();
    state.failWith = new ConnectorError("ORG_UNAVAILABLE", "down");
    await assert.rejects(keeper.get());
    assert.equal(keeper.waitMs, 1000);
    state.now = 1000;
    state.failWith = undefined;
    assert.equal((await keeper.get()).accessToken, "token 2");
    assert.equal(keeper.waitMs, 0);
  });

  it("that was pasted cannot be renewed: the error says so", async () => {
    const { keeper } = rig({ renewable: false });
    const session = await keeper.get();
    await assert.rejects(keeper.renew(session), (error) => (error as ConnectorError).code === "ORG_SESSION_INVALID");
    await assert.rejects(keeper.get(), (error) => (error as ConnectorError).code === "ORG_SESSION_INVALID");
  });
});
