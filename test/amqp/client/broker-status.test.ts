import assert from "node:assert/strict";
import { connectionStatus, type ShownStatus } from "../../../nodes/amqp/client/broker-status";
import type { ConnectionState } from "../../../nodes/amqp/client/connection/connection";
import { ConnectorError } from "../../../nodes/common/errors";
import texts from "../../../nodes/amqp/broker/locales/en-US/broker.json";

const CATALOGUE = "@surewire/node-red-connectors/surewire-amqp-broker:";

/** As `RED._` does it, with the catalogue that the config node brings. */
function translate(key: string, values: Record<string, string> = {}): string {
  assert.ok(key.startsWith(CATALOGUE), key);
  const text = key.slice(CATALOGUE.length).split(".").reduce<unknown>((found, part) => (found as Record<string, unknown>)[part], texts) as string;
  return text.replace(/__(\w+)__/g, (_all, name: string) => values[name] ?? "?");
}

const shown = (state: ConnectionState): { state: ShownStatus["state"]; text: string } | undefined => {
  const status = connectionStatus(state, translate);
  return status && { state: status.state, text: status.text() };
};
const error = new ConnectorError("BROKER_REFUSED", "a refused the user name or password");

describe("the status of a node on a connection", () => {
  for (const kind of ["idle", "connected", "closed"] as const) {
    it(`is the node's own while the connection is ${kind}`, () => assert.equal(shown({ kind }), undefined));
  }

  it("says connecting", () => assert.deepEqual(shown({ kind: "connecting" }), { state: "connecting", text: "connecting" }));

  it("says in how many seconds it is tried again, counted from when it is shown", () => {
    const delay = 5_000;
    assert.deepEqual(shown({ kind: "reconnecting", delay, until: Date.now() + 4_200, error }), { state: "reconnecting", text: "reconnecting in 5 s" });
    assert.deepEqual(shown({ kind: "reconnecting", delay, until: Date.now() + 1_200, error }), { state: "reconnecting", text: "reconnecting in 2 s" });
    assert.deepEqual(shown({ kind: "reconnecting", delay, until: Date.now() - 10, error }), { state: "reconnecting", text: "reconnecting in 1 s" });
  });

  it("says who refused what, in red", () => {
    assert.deepEqual(shown({ kind: "refused", delay: 1, until: 1, error }), { state: "failed", text: "refused: a refused the user name or password" });
  });

  it("stays red while it is tried again, for a mail at each red status would be one a minute", () => {
    assert.deepEqual(shown({ kind: "connecting", refused: error }), shown({ kind: "refused", delay: 1, until: 1, error }));
  });

  it("says why the broker blocks", () => {
    assert.deepEqual(shown({ kind: "blocked", reason: "low on memory" }), { state: "waiting", text: "blocked by the broker: low on memory" });
  });
});
