import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { Status } from "../../../nodes/common/status";
import type { LaneState } from "../../../nodes/salesforce/client/org-lane";
import { showLane } from "../../../nodes/salesforce/client/org-status";

describe("The status of a node with an org", () => {
  function shown(state: LaneState): [string | undefined, string | undefined] {
    let last: { fill?: string; text?: string } = {};
    const status = new Status({ status: (next) => (last = next) });
    showLane(status, state, (key, values) => `${key.split(".").at(-1)} ${JSON.stringify(values ?? {})}`);
    const seen: [string | undefined, string | undefined] = [last.fill, last.text];
    status.close();
    return seen;
  }

  it("says that calls are spaced, and how much of the day's is used", () => {
    assert.deepEqual(shown({ kind: "working", messages: 7, usedPercent: 85, slowedAt: 85 }), ["yellow", 'slowed {"percent":85,"count":7}']);
    assert.deepEqual(shown({ kind: "connected", messages: 0, slowedAt: 80 }), ["yellow", 'slowed {"percent":80,"count":0}']);
  });

  it("says how much of the day's calls is used, once it is known", () => {
    assert.deepEqual(shown({ kind: "connected", messages: 0 }), ["green", "connected {}"]);
    assert.deepEqual(shown({ kind: "connected", messages: 0, usedPercent: 3 }), ["green", 'connected-used {"count":0,"percent":3}']);
    assert.deepEqual(shown({ kind: "connected", messages: 0, usedPercent: 0 }), ["green", 'connected-used {"count":0,"percent":"< 1"}']);
    assert.deepEqual(shown({ kind: "working", messages: 7, usedPercent: 79 }), ["blue", 'working-used {"count":7,"percent":79}']);
    assert.deepEqual(shown({ kind: "idle", messages: 0, usedPercent: 3 }), ["green", "idle {}"]);
  });

  it("says first what is worse", () => {
    const error = new ConnectorError("ORG_LIMIT", "none left");
    assert.deepEqual(shown({ kind: "waiting", messages: 7, usedPercent: 100, slowedAt: 100, error }), ["yellow", 'waiting {"reason":"none left"}']);
    assert.deepEqual(shown({ kind: "failed", messages: 7, slowedAt: 85, error })[0], "red");
    assert.deepEqual(shown({ kind: "working", messages: 7 }), ["blue", 'working {"count":7}']);
  });
});
