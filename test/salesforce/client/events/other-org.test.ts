import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { CHANNEL, ListenBench, type Listening, ORG, settle, waitFor } from "./listen-bench";
import { event, type ScriptedSubscription } from "./scripted-transport";

const OTHER = "00D000000000002AAA";

describe("a listener whose login leads to another org, as after the refresh of a sandbox,", () => {
  const bench = new ListenBench();
  let orgId: string;
  let refresh: () => void;
  const org = {
    openSession: () => Promise.resolve({ accessToken: "t", instanceUrl: "http://org", orgId }),
    onOtherOrg: (listener: () => void) => {
      refresh = () => {
        orgId = OTHER;
        listener();
      };
      return () => undefined;
    },
  };
  beforeEach(() => (orgId = ORG));
  afterEach(() => bench.closeAll());

  const kept = (): Promise<string | undefined> => bench.store.read(`salesforce-listen/${OTHER}/${CHANNEL}/listen`).then((value) => (value as { position?: string } | undefined)?.position);

  /** Has two events of the org before in the flow, and listens to the new one. */
  async function refreshed(node: Listening): Promise<ScriptedSubscription> {
    const first = await node.subscribed();
    first.bring(event(8), event(9));
    refresh();
    assert.equal(first.closed, true);
    return node.subscribed();
  }

  it("begins anew at once, with a position of its own", async () => {
    const node = bench.open({}, { org });
    const second = await refreshed(node);
    assert.deepEqual(second.start, { from: "new" });
    second.bring(event(1));
    settle(node.sent[2]);
    await waitFor("its position", async () => (await kept()) === "1");
    assert.match(node.warnings.join(), /leads to another org/);
  });

  it("keeps what the flow has of the one before until that has finished with it, as nobody can send it again", async () => {
    const node = bench.open({ retries: 1 }, { org });
    const second = await refreshed(node);
    second.bring(event(1));
    assert.equal(node.listener.openCount, 3);
    settle(node.sent[0], "retry");
    settle(node.sent[1], "dead-letter", new ConnectorError("FLOW_ERROR", "never"));
    await waitFor("the next attempt, and the dead letter", () => node.sent.length === 5);
    assert.deepEqual([node.ids.slice(2), node.sent.filter(({ output }) => output === 1).map(({ salesforce }) => salesforce.replayId)], [["1", "8"], ["9"]]);
    for (const message of node.sent) settle(message);
    await bench.storedAt("9");
    await waitFor("its position", async () => (await kept()) === "1");
    assert.equal(node.listener.openCount, 0);
  });

  it("keeps its dead letters of the one before that have nowhere to go, until they have", async () => {
    const node = bench.open({}, { org, outputs: [0] });
    await refreshed(node);
    settle(node.sent[0], "dead-letter", new ConnectorError("FLOW_ERROR", "never"));
    settle(node.sent[1]);
    node.wired.add(1);
    node.listener.rewired();
    assert.deepEqual([node.sent[2]?.output, node.sent[2]?.salesforce.replayId], [1, "8"]);
    settle(node.sent[2]);
    await bench.storedAt("9");
  });

  it("says what of the one before is lost when it is stopped before the flow has finished", async () => {
    const node = bench.open({}, { org });
    await refreshed(node);
    settle(node.sent[0]);
    await node.close();
    assert.match(node.warnings.at(-1) ?? "", /1 event .* nobody can send it again/);
  });
});
