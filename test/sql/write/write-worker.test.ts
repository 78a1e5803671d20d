import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import type { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { Work } from "../../../nodes/sql/write/work";
import { type WriteState, WriteWorker } from "../../../nodes/sql/write/write-worker";
import { remains, waitFor } from "../../services/wait";

/** A database that is always there. */
const database = { concurrency: 4, acquire: () => undefined, release: async () => undefined, untilReady: async () => undefined, onState: () => () => undefined } as unknown as DatabaseClient;

describe("A sql write node that has stopped", () => {
  it("tries one message at a time, and stores all that it holds when the cause is repaired", async () => {
    let mended = false;
    const writes: number[] = [];
    const work: Work<number> = {
      concurrency: 3,
      prepare: (msg) => (msg as { number: number }).number,
      write: async (items) => {
        writes.push(items.length);
        const error = new ConnectorError("ROW_REFUSED", "no such function", { details: { state: "42883" } });
        return items.map(() => (mended ? { ok: true, value: { mode: "statements", rowsAffected: 1 } } : { ok: false, error }));
      },
    };
    const states: WriteState[] = [];
    const troubles: string[] = [];
    const options = { database, work: work as Work<unknown>, batchSize: 5, linger: 0, stopAfter: 10, warn: () => undefined };
    const worker = new WriteWorker({ ...options, onState: (state) => states.push(state), error: (text) => troubles.push(text), probeEvery: 20 });
    const failed: unknown[] = [];
    let stored = 0;
    for (let number = 0; number < 100; number += 1) worker.take({ number }, (error) => error && failed.push(error), () => (stored += 1));

    await waitFor("the node to stop", () => states.at(-1)?.kind === "failed");
    await waitFor("a few tries", () => writes.filter((length) => length === 1).length >= 3);
    // those that were at work together when the tenth failed have an answer, too, and those that were tried
    assert.ok(failed.length >= 10 && failed.length <= 15 + writes.filter((length) => length === 1).length, `${failed.length} failed`);
    assert.equal(stored, 0);
    assert.deepEqual(troubles, ["ROW_REFUSED: 10 messages in a row failed alike: no such function"]);

    mended = true;
    await waitFor("all others to be stored", () => stored + failed.length === 100);
    assert.ok(stored >= 50);
    await worker.close();
  });
});

describe("A sql write node that has stopped over messages that are wrong themselves", () => {
  it("also tries the messages behind them, and goes on", async () => {
    const work: Work<{ text: string }> = {
      concurrency: 1,
      prepare: (msg) => msg as { text: string },
      write: async (items) =>
        items.map(({ text }) => (text === "good" ? { ok: true, value: { mode: "insert", rowsAffected: 1 } } : { ok: false, error: new ConnectorError("ROW_REFUSED", "too long", { details: { state: "22001" } }) })),
    };
    const states: WriteState[] = [];
    const options = { database, work: work as Work<unknown>, batchSize: 5, linger: 0, stopAfter: 3, warn: () => undefined, error: () => undefined };
    const worker = new WriteWorker({ ...options, onState: (state) => states.push(state), probeEvery: 20 });
    const outcomes: string[] = [];
    const take = (text: string): void => worker.take({ text }, (error) => error && outcomes.push("failed"), () => outcomes.push("stored"));
    for (let count = 1; count <= 3; count += 1) {
      take("bad");
      await waitFor("it to fail", () => outcomes.length === count);
    }
    take("bad");
    await waitFor("the node to stop", () => states.at(-1)?.kind === "failed");
    for (const text of ["bad", "good"]) take(text);
    await waitFor("all of them", () => outcomes.length === 6);
    assert.deepEqual(outcomes.slice(3).sort(), ["failed", "failed", "stored"]);
    await worker.close();
  });
});

describe("A sql write node that takes one message at a time, and has stopped over a long run of messages that are wrong themselves", () => {
  it("gets to the messages behind them, and is red until then, with one line in the log", async () => {
    const work: Work<number> = {
      concurrency: 3,
      prepare: (msg) => (msg as { number: number }).number,
      write: async (items) => items.map((number) => (number > 25 ? { ok: true, value: { mode: "insert", rowsAffected: 1 } } : { ok: false, error: new ConnectorError("ROW_REFUSED", "too long", { details: { state: "22001" } }) })),
    };
    const states: string[] = [];
    const log: string[] = [];
    const options = { database, work: work as Work<unknown>, batchSize: 1, linger: 0, stopAfter: 10, warn: () => undefined, error: (text: string) => void log.push(text) };
    const worker = new WriteWorker({ ...options, onState: ({ kind }) => void (states.at(-1) === kind || states.push(kind)), probeEvery: 20 });
    let failed = 0;
    let stored = 0;
    for (let number = 1; number <= 30; number += 1) worker.take({ number }, (error) => error && (failed += 1), () => (stored += 1));
    await waitFor("all of them", () => failed + stored === 30);
    assert.equal(stored, 5);
    assert.equal(states.filter((kind) => kind === "failed").length, 1, states.join());
    assert.equal(log.length, 1);
    await worker.close();
  });
});

describe("A sql write node whose database takes nothing at present", () => {
  it("holds its message, is red, tries less and less often, and logs it once", async () => {
    let mended = false;
    let tries = 0;
    const full = new ConnectorError("DATABASE_UNAVAILABLE", "the disk is full", { details: { answers: true } });
    const work: Work<number> = {
      concurrency: 1,
      prepare: () => 1,
      write: async (items) => {
        tries += 1;
        if (!mended) throw full;
        return items.map(() => ({ ok: true, value: { mode: "insert", rowsAffected: 1 } }));
      },
    };
    const states: WriteState[] = [];
    const log: string[] = [];
    const options = { database, work: work as Work<unknown>, batchSize: 5, linger: 0, stopAfter: 10, warn: (text: string) => void log.push(text), error: (text: string) => void log.push(text) };
    const worker = new WriteWorker({ ...options, onState: (state) => states.push(state) });
    let stored = 0;
    worker.take({}, () => undefined, () => (stored += 1));
    await waitFor("the node to say so", () => states.at(-1)?.kind === "failed");
    await remains("a try or two", () => tries <= 2, 300);
    assert.deepEqual(log, ["DATABASE_UNAVAILABLE: the disk is full"]);
    mended = true;
    await waitFor("the message to be stored", () => stored === 1);
    await worker.close();
  });
});
