import assert from "node:assert/strict";
import { SourceStates } from "../../../nodes/amqp/in/source-states";

describe("what a queue source says of itself", () => {
  function source(): { states: SourceStates; told: string[] } {
    const told: string[] = [];
    const states = new SourceStates((state) => told.push(state.kind === "holding" ? state.reason : state.kind));
    states.consumes({ kind: "consuming" });
    return { states, told };
  }

  it("is not that it has paused when it is about to go on", () => {
    const { states, told } = source();
    states.waits("held", "the database is away");
    states.consumes({ kind: "paused" });
    states.waitsNoMore("held", true);
    states.consumes({ kind: "consuming" });
    assert.deepEqual(told, ["consuming", "the database is away", "the database is away", "consuming"]);
  });

  it("is the other reason where there is one", () => {
    const { states, told } = source();
    states.waits("held", "the database is away");
    states.waits("behind", "messages wait long");
    states.consumes({ kind: "paused" });
    states.waitsNoMore("held", false);
    assert.equal(told.at(-1), "messages wait long");
  });

  it("is that messages are tried, as long as they are", () => {
    const { states, told } = source();
    states.searches("looks");
    states.consumes({ kind: "paused" });
    states.consumes({ kind: "consuming" });
    states.searches(undefined);
    assert.deepEqual(told, ["consuming", "looks", "paused", "looks", "consuming"]);
  });
});
