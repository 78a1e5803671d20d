import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { compileDivisions } from "../../../nodes/salesforce/client/division";

const pick = (patterns: string[], topic: unknown) => compileDivisions(patterns.map((when) => ({ when })))(topic).when;

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

  it("many # in a pattern cost no time", () => {
    assert.throws(() => pick([`${"#.".repeat(200)}x`], "a.".repeat(500)));
  });
});
