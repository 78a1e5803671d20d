import assert from "node:assert/strict";
import { Status } from "../../nodes/common/status";
import { waitFor } from "../services/wait";

function recorded(): { status: Status; shown: { fill?: string; text?: string }[] } {
  const shown: { fill?: string; text?: string }[] = [];
  return { shown, status: new Status({ status: (one) => void shown.push(one) }) };
}

describe("a status", () => {
  it("shows the first state at once and, of many that follow, the last", async () => {
    const { status, shown } = recorded();
    for (let count = 0; count < 1000; count += 1) status.set("working", `${count} messages`);
    assert.deepEqual(shown.map(({ text }) => text), ["0 messages"]);
    await waitFor("the last state", () => shown.length === 2);
    assert.equal(shown[1]?.text, "999 messages");
    status.close();
  });

  it("is not told twice when nothing changed", async () => {
    const { status, shown } = recorded();
    status.set("connected");
    status.set("connected");
    status.set("failed", "refused");
    await waitFor("the failure", () => shown.length === 2);
    assert.deepEqual(shown.map(({ text }) => text), ["connected", "refused"]);
    status.close();
  });

  it("is cut to what fits under a node", () => {
    const { status, shown } = recorded();
    status.set("failed", "x".repeat(100));
    assert.equal(shown[0]?.text?.length, 60);
    status.close();
  });

  it("is cleared on close, and silent after it", () => {
    const { status, shown } = recorded();
    status.set("connected");
    status.close();
    status.set("failed");
    assert.deepEqual(shown.at(-1), {});
    assert.equal(shown.length, 2);
  });
});
