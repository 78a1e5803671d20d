import assert from "node:assert/strict";
import type { Status, StatusState } from "../../../nodes/common/status";
import { type ListenView, showListener } from "../../../nodes/salesforce/listen/listen-status";

describe("The status of a node that listens", () => {
  const shown = (state: ListenView["state"]): StatusState | undefined => {
    let last: StatusState | undefined;
    const status = { set: (next: StatusState) => (last = next) } as unknown as Status;
    showListener(status, { state, org: { kind: "connected" }, label: () => "", inFlow: 0 }, (key) => key);
    return last;
  };

  it("is that of a pause while another instance listens, and off while nothing is wired", () => {
    assert.deepEqual([shown({ kind: "standby" }), shown({ kind: "unwired" })], ["paused", "stopped"]);
  });
});
