import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { Availability } from "../../../nodes/sql/client/availability";
import { remains } from "../../services/wait";

describe("The attempts to reach a database", () => {
  it("have pauses if a database that has refused us is then down", async () => {
    let knocks = 0;
    const availability: Availability = new Availability(() => {
      knocks += 1;
      const away = new ConnectorError("DATABASE_UNAVAILABLE", "no route");
      availability.failed(away);
      return Promise.reject(away);
    }, { afterRefusal: 1 });
    availability.failed(new ConnectorError("DATABASE_REFUSED", "wrong password"));
    const ready = availability.untilReady();
    await remains("a few knocks", () => knocks < 30, 300);
    availability.close();
    await ready;
  });
});

describe("What is known of a database", () => {
  it("is not that it is away, where it answers that it takes nothing, or all of its connections are at work", () => {
    const states: string[] = [];
    const availability = new Availability(() => Promise.resolve());
    availability.onState(({ kind }) => states.push(kind));
    availability.works();
    for (const details of [{ answers: true }, { busy: true }, { table: "t" }]) availability.failed(new ConnectorError("DATABASE_UNAVAILABLE", "x", { details }));
    assert.deepEqual(states, ["idle", "connected"]);
    availability.failed(new ConnectorError("DATABASE_UNAVAILABLE", "x"));
    assert.deepEqual(states, ["idle", "connected", "waiting"]);
  });
});
