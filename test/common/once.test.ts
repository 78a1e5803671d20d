import assert from "node:assert/strict";
import { eachOnce, oncePerTurn } from "../../nodes/common/once";

describe("What is told once", () => {
  it("is told again only where the text is another one", () => {
    const told: string[] = [];
    const tell = eachOnce((text) => told.push(text));
    for (const text of ["a", "a", "b", "a"]) tell(text);
    assert.deepEqual(told, ["a", "b"]);
  });

  it("is no more when there are very many texts, which would have to be remembered", () => {
    let told = 0;
    const tell = eachOnce(() => (told += 1));
    for (let index = 0; index < 5_000; index += 1) tell(`row ${index}`);
    assert.equal(told, 1_000);
  });

  it("in a turn is told at its end, and again in the next turn", async () => {
    let told = 0;
    const tell = oncePerTurn(() => (told += 1));
    tell();
    tell();
    assert.equal(told, 0);
    await Promise.resolve();
    assert.equal(told, 1);
    tell();
    await Promise.resolve();
    assert.equal(told, 2);
  });
});
