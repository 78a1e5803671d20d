import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { BackOff } from "../../../nodes/common/back-off";
import { ConnectorError, type ErrorCode } from "../../../nodes/common/errors";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { queryParameters } from "../../../nodes/sql/client/named-values";
import { Poller, type PollState } from "../../../nodes/sql/read/poller";
import { type PollSettings, readSettings } from "../../../nodes/sql/read/settings";
import { waitFor } from "../../services/wait";

describe("A poll that fails", () => {
  for (const [code, kind, level, about, details] of [
    ["DATABASE_BUSY", "waiting", "warn", "", {}],
    ["TABLE_UNKNOWN", "failed", "error", "", {}],
    ["DATABASE_REFUSED", "failed", "error", " of its own statement", { statement: true }],
  ] as [ErrorCode, PollState["kind"], string, string, object][]) {
    it(`by ${code}${about} is shown as ${kind}, told once, and told again when it had been well`, async () => {
      const outcomes = [code, code, undefined, code, undefined, undefined];
      const states: PollState[] = [];
      const lines: string[] = [];
      const poller = new Poller({
        settings: readSettings({ mode: "poll", database: "db", query: "select 1", keyColumn: "id", afterRead: "select 2", pollInterval: 10 }) as PollSettings,
        parameters: queryParameters("select 1", []),
        database: { untilReady: () => Promise.resolve() } as never,
        node: { id: "read", type: "surewire-sql-read" },
        runtime: { events: new EventEmitter() } as unknown as TrackedRuntime,
        way: () => ({
          poll: () => {
            const fault = outcomes.shift();
            return fault ? Promise.reject(new ConnectorError(fault, "not now", { details: { ...details } })) : Promise.resolve({ rows: 0, more: false });
          },
          close: () => Promise.resolve(),
        }),
        send: () => undefined,
        isWired: () => true,
        warn: (text) => lines.push(`warn ${text}`),
        error: (text) => lines.push(`error ${text}`),
        onState: (state) => states.push(state),
        backOff: new BackOff({ initial: 5, max: 5 }),
      });
      poller.start();
      await waitFor("all polls", () => outcomes.length === 0);
      await poller.close(10);
      assert.deepEqual(lines, [`${level} ${code}: not now`, `${level} ${code}: not now`]);
      assert.deepEqual([...new Set(states.map((state) => state.kind))], [kind, "idle"]);
    });
  }
});
