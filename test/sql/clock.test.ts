import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { ConnectorError } from "../../nodes/common/errors";
import type { Store } from "../../nodes/common/store";
import type { TrackedRuntime } from "../../nodes/delivery/runtime";
import type { DatabaseConnection } from "../../nodes/sql/client/child/backend";
import { Pool } from "../../nodes/sql/client/child/pool";
import { waitFor } from "../services/wait";
import { Availability } from "../../nodes/sql/client/availability";
import { queryParameters } from "../../nodes/sql/client/named-values";
import type { PollWay } from "../../nodes/sql/read/poll-context";
import { Poller } from "../../nodes/sql/read/poller";
import { type PollSettings, readSettings } from "../../nodes/sql/read/settings";
import { Watermark } from "../../nodes/sql/read/watermark";

function unexpected(text: string): never {
  throw new Error(text);
}

/** A poller whose rows are found in this way. */
function pollerOf(way: PollWay): Poller {
  return new Poller({
    settings: readSettings({ mode: "poll", database: "db", query: "select 1", progress: "none", pollInterval: 10 }) as PollSettings,
    parameters: queryParameters("select 1", []),
    database: {} as never,
    node: { id: "read", type: "surewire-sql-read" },
    runtime: { events: new EventEmitter() } as unknown as TrackedRuntime,
    way: () => way,
    send: () => undefined,
    isWired: () => true,
    warn: unexpected,
    error: unexpected,
    onState: () => undefined,
  });
}

describe("When the machine's clock is set back by an hour", function () {
  const now = Date.now;
  const setBack = (): void => void (Date.now = () => now() - 3_600_000);
  afterEach(() => void (Date.now = now));

  it("a poll goes on as often as before", async () => {
    const polls = new EventEmitter();
    let count = 0;
    const poller = pollerOf({
      poll: async () => {
        count += 1;
        if (count === 1) setBack();
        polls.emit(String(count));
        return { rows: 0, more: false };
      },
      close: () => Promise.resolve(),
    });
    const third = once(polls, "3");
    poller.start();
    await third;
    await poller.close(0);
  });

  it("a poll that closes waits no longer for a query than before", async () => {
    const polls = new EventEmitter();
    const poller = pollerOf({
      poll: () => {
        polls.emit("begun");
        return new Promise(() => undefined);
      },
      close: async () => setBack(),
    });
    const begun = once(polls, "begun");
    poller.start();
    await begun;
    await poller.close(0);
  });

  it("a watermark is stored as often as before", async () => {
    const writes = new EventEmitter();
    const store = { read: async () => undefined, write: async (_key: string, { position }: { position: { watermark: number } }) => void writes.emit(String(position.watermark)) } as unknown as Store;
    const watermark = new Watermark({ store, key: "k", database: "db", watermarkColumn: "w", keyColumn: "k", warn: unexpected, every: 10 });
    await watermark.load();
    const [first, second] = [once(writes, "1"), once(writes, "2")];
    watermark.add({ watermark: 1, key: 1 })();
    await first;
    setBack();
    watermark.add({ watermark: 2, key: 2 })();
    await second;
    await watermark.close();
  });

  it("a database that has refused us is tried again as soon as before", async () => {
    const availability: Availability = new Availability(async () => {
      if (availability.refused) throw availability.refused;
    }, { afterRefusal: 50 });
    availability.failed(new ConnectorError("DATABASE_REFUSED", "wrong password"));
    setBack();
    await availability.untilReady();
    assert.equal(availability.refused, undefined);
    availability.close();
  });

  it("a connection that was idle for long is asked before it is lent, and one that is old is closed", async () => {
    const told: string[] = [];
    const connection = { alive: true, rollback: async () => undefined, close: async () => void told.push("closed") } as unknown as DatabaseConnection;
    const pool = new Pool({ size: () => 1, acquireTimeout: 1000, connect: async () => connection, ping: async () => void told.push("asked"), pingAfter: 5, maxLifetime: 20 });
    const used = (): Promise<void> => pool.use(async () => undefined);
    await used();
    setBack();
    await waitFor("the sign of life and the end", async () => {
      await used();
      return told.includes("closed");
    }, { interval: 8 });
    assert.ok(told.includes("asked"));
    await pool.close(0);
  });
});
