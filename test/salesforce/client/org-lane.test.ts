import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { type LaneState, OrgLane } from "../../../nodes/salesforce/client/org-lane";
import { turns, waitFor } from "../../services/wait";

describe("A lane to an org", () => {
  for (const [code, text] of [["DRIVER_MISSING", "npm install avsc"], ["NOT_CONFIGURED", "The Pub/Sub endpoint is no host and port"], ["STORE_UNAVAILABLE", "ENOSPC: no space left on device, write"]] as const) {
    it(`logs once what somebody has to repair (${code}), shows it in red, and goes on afterwards`, async () => {
      const warnings: string[] = [];
      const states: LaneState[] = [];
      let tries = 0;
      const org = { state: { kind: "connected" }, onState: () => () => undefined, acquire: () => undefined, release: () => undefined, untilReady: () => Promise.resolve() };
      const lane = new OrgLane<string, string>({
        org: org as unknown as OrgClient,
        batchSize: 1,
        linger: 0,
        write: (values) => {
          tries += 1;
          if (tries < 3) return Promise.reject(new ConnectorError(code, text));
          return Promise.resolve(values.map((value) => ({ ok: true, value })));
        },
        onState: (state) => states.push(state),
        warn: (text) => warnings.push(text),
      });
      let done = false;
      lane.take({}, "an event", () => (done = true), () => undefined);
      await waitFor("the message to be done", () => done);
      await lane.close();
      assert.deepEqual(warnings, [`${code}: ${text}`]);
      assert.ok(states.some(({ kind, error }) => kind === "failed" && error?.code === code));
      assert.equal(states.at(-1)?.kind, "connected");
    });
  }

  it("has two writes at once at most while the org's calls are spaced, so that what waits shares them", async () => {
    const org = { state: { kind: "connected", slowedAt: 95 }, onState: () => () => undefined, acquire: () => undefined, release: () => undefined, untilReady: () => Promise.resolve() };
    const writes: { values: string[]; finish(): void }[] = [];
    const lane = new OrgLane<string, string>({
      ...{ org: org as unknown as OrgClient, batchSize: 10, linger: 0, concurrency: 5, onState: () => undefined, warn: () => undefined },
      write: (values) => new Promise((resolve) => writes.push({ values, finish: () => resolve(values.map((value) => ({ ok: true, value }))) })),
    });
    let done = 0;
    const take = async (value: string): Promise<void> => {
      lane.take({}, value, () => (done += 1), () => undefined);
      await turns(5);
    };
    for (const value of ["a", "b", "c", "d", "e"]) await take(value);
    assert.deepEqual(writes.map(({ values }) => values), [["a"], ["b"]]);
    writes[0]?.finish();
    await waitFor("the rest to be written together", () => writes.length === 3);
    assert.deepEqual(writes[2]?.values, ["c", "d", "e"]);
    org.state = { kind: "connected" } as typeof org.state;
    for (const value of ["f", "g", "h", "i"]) await take(value);
    assert.equal(writes.length, 6, "five at once, besides the one that is done");
    for (const { finish } of writes) finish();
    await waitFor("the last one", () => writes.length === 7);
    writes[6]?.finish();
    await waitFor("all", () => done === 9);
    await lane.close();
  });

  it("fails a message that the flow has frozen, as any other", async () => {
    const org = { state: { kind: "connected" }, onState: () => () => undefined, acquire: () => undefined, release: () => undefined, untilReady: () => Promise.resolve() };
    const refused = new ConnectorError("ORG_REFUSED", "no");
    const lane = new OrgLane<string, string>({
      ...{ org: org as unknown as OrgClient, batchSize: 1, linger: 0, onState: () => undefined, warn: () => undefined },
      write: (values) => Promise.resolve(values.map((value) => (value === "good" ? { ok: true, value } : { ok: false, error: refused }))),
    });
    const ends: (Error | undefined)[] = [];
    lane.take(Object.freeze({ payload: 1 }), "bad", (error) => ends.push(error), () => undefined);
    lane.take({}, "good", (error) => ends.push(error), () => undefined);
    await waitFor("both messages to be done", () => ends.length === 2);
    await lane.close();
    assert.deepEqual(ends, [refused, undefined]);
  });
});
