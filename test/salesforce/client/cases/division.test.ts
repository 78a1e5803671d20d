import assert from "node:assert/strict";
import { isConnectorError } from "../../../../nodes/common/errors";
import { compileDivisions, type Condition } from "../../../../nodes/salesforce/client/cases/division";

const pick = (patterns: string[], topic: unknown) =>
  compileDivisions(patterns.map((pattern) => ({ condition: { type: "topic", pattern }, entry: pattern })))({ topic });
const named = (conditions: Record<string, Condition>) => compileDivisions(Object.entries(conditions).map(([entry, condition]) => ({ condition, entry })));
const plantIs = (text: string): Condition => ({ type: "property", valueOf: (msg) => (msg as { plant?: unknown }).plant, text });
const holds = (answer: unknown): Condition => ({ type: "jsonata", holds: () => answer });

describe("Divisions", () => {
  for (const [pattern, topic] of [
    ["plant.north", "plant.north"],
    ["plant.*", "plant.north"],
    ["*.*.alarm", "plant.north.alarm"],
    ["plant.#", "plant"],
    ["plant.#", "plant.north.hall.3"],
    ["#.alarm", "alarm"],
    ["#.alarm.#", "plant.alarm.hot"],
    ["#", ""],
    ["#", undefined],
    ["#.#.#.#.x", "a.b.c.d.e.x"],
  ] as const) {
    it(`"${pattern}" takes ${topic === undefined ? "a message without a topic" : `"${topic}"`}`, () => assert.equal(pick([pattern], topic), pattern));
  }

  it("the first that fits wins", () => {
    assert.equal(pick(["plant.south", "plant.*", "#"], "plant.north"), "plant.*");
  });

  for (const [pattern, topic] of [
    ["plant.*", "plant"],
    ["plant.*", "plant.north.hall"],
    ["plant", "Plant"],
    ["*", ""],
    ["#.alarm", "alarm.off"],
  ] as const) {
    it(`"${pattern}" does not take "${topic}", and the error names it`, () => {
      assert.throws(
        () => pick([pattern], topic),
        (error) => isConnectorError(error) && error.code === "DIVISION_UNKNOWN" && !error.retryable && error.message.includes(`"${topic}"`),
      );
    });
  }

  it("a value in the message is compared as text", () => {
    const picker = named({ north: plantIs("north"), seven: plantIs("7"), yes: plantIs("true"), rest: { type: "always" } });
    assert.deepEqual(["north", 7, true, undefined, null, { a: 1 }, "North"].map((plant) => picker({ plant } as object)), ["north", "seven", "yes", "rest", "rest", "rest", "rest"]);
  });

  it("an expression takes a message only when it gives true, now or later", async () => {
    assert.equal(await named({ no: holds("yes"), later: holds(Promise.resolve(true)), never: { type: "always" } })({}), "later");
    assert.equal(await named({ no: holds(Promise.resolve(1)), rest: { type: "always" } })({}), "rest");
    await assert.rejects(async () => named({ no: holds(Promise.resolve(false)) })({ topic: "plant" }), /"plant"/);
  });

  it("an expression that fails is the message's error, whatever comes behind it", async () => {
    await assert.rejects(async () => named({ bad: holds(Promise.reject(new Error("no number"))), rest: { type: "always" } })({}), /no number/);
  });

  it("many # in a pattern cost no time", () => {
    assert.throws(() => pick([`${"#.".repeat(200)}x`], "a.".repeat(500)));
  });
});
