import assert from "node:assert/strict";
import { NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { postgresNode } from "./bridge";
import { EventRun } from "./event-run";

const SHARE = 300;
/** How long one that shows no sign of life is waited for, in s. */
const LEASE = 5;

describe("two Node-RED that listen to an org by turns", function () {
  this.timeout(120_000);
  const [first, second] = [new NodeRed(), new NodeRed()];
  let run: EventRun;
  let postgres: Postgres;

  const flow = () => run.flow({ store: "database", standby: true, leaseTime: LEASE }, postgresNode(postgres));

  before(async () => {
    const [rabbit, database] = await Promise.all([sharedRabbit(), sharedPostgres(), first.start(), second.start()]);
    postgres = database;
    await postgres.query("drop table if exists surewire_store");
    run = await EventRun.start(rabbit, "standby");
    await first.deploy(flow());
    await run.untilListening();
    await second.deploy(flow());
  });
  after(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await run?.stop();
  });

  it("let the second go on at once when the first is stopped, and repeat nothing", async () => {
    await run.publishWhile(SHARE, () => first.stop());
    await run.untilArrived();
    run.assertEachOnce();
  });

  it("do not listen both at once", async () => {
    await first.start(); // on an empty disk
    await first.deploy(flow());
    await run.publishWhile(SHARE, () => undefined);
    await run.untilArrived();
    run.assertEachOnce();
    const { control } = run.org;
    await waitFor("one poll", () => control.listStreams().streams.filter(({ held }) => held).length === 1);
    assert.equal(control.pubsubStreams().length, 1);
  });

  it("let the first go on when the second is killed, and lose nothing", async () => {
    await run.publishWhile(SHARE, () => second.kill());
    await run.untilArrived();
    await run.assertAllArrived();
  });
});
