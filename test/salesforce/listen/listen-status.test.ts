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

  it("tells of a pause how much is still in the flow", () => {
    const told = [2, 0].map((inFlow) => {
      let text = "";
      const status = { set: (_state: StatusState, say: () => string) => (text = say()) } as unknown as Status;
      showListener(status, { state: { kind: "paused" }, org: { kind: "connected" }, label: () => "", inFlow }, (key, values) => [key, values?.count].join(" ").trim());
      return text;
    });
    assert.deepEqual(told, ["listen.status.paused-flow 2", "listen.status.paused"]);
  });
});
