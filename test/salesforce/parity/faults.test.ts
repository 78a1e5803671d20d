import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import type { Answered, Trial } from "./operation";
import { CONNECTORS } from "./operations";
import { Stage } from "./stage";

const ALL = CONNECTORS.flatMap(({ title, operations }, group) => operations.map((operation, index) => ({ operation, id: `${group}-${index}`, name: `${title}: ${operation.name}` })));

const WARM_UP = ALL.find(({ operation }) => operation.name === "getServerTimestamp")?.id ?? "";

interface Fault {
  name: string;
  strike(org: Emulator): void;
}

/**
 * What is not sent again by the node when an answer is lost, since the org might do it twice, or nobody can say that it would not: its
 * message fails as one that the source may send again.
 */
const TWICE = new Set([
  ...["convertLead", "create", "createBulk", "createTree", "emptyRecycleBin", "logout", "merge", "resetPassword", "setPassword", "sendEmail", "sendEmailMessage", "undelete"],
  ...["composite batch", "composite graph", "composite request", "uploadJobData", "createDashboard", "updateDashboard", "updateDataset", "Send"],
]);

/** Faults that say clearly that nothing was done: every operation goes on by itself. */
const CLEAR: Fault[] = [
  { name: "a token that has expired", strike: (org) => void org.control.expireTokens() },
  { name: "an org that is closed for a while (503)", strike: (org) => org.control.unavailable({ ms: 300 }) },
  { name: "a proxy's web page in place of an org (503)", strike: (org) => org.control.unavailable({ ms: 300, html: true }) },
  { name: "too many calls at once", strike: (org) => org.control.requestLimit({ kind: "concurrent", ms: 300 }) },
  { name: "a gateway that asks for patience (429)", strike: (org) => org.control.failNext({ count: 12, status: 429, html: "<html>Too many requests</html>" }) },
];

describe("what the connectors did that ours replace, while things break", function () {
  this.timeout(60_000);
  const stage = new Stage();
  const random = Math.random;

  before(async () => {
    Math.random = () => random() * 0.02; // pauses after a failure, up to a second at first, are random: here they are short
    await stage.start();
  });
  after(() => (Math.random = random));
  after(() => stage.stop());
  beforeEach(async () => {
    stage.reset();
    await stage.send(WARM_UP, {}); // signed in, before anything breaks
  });

  for (const { name: fault, strike } of CLEAR) {
    it(`all ${ALL.length} operations at once come through ${fault}`, async () => {
      const trials: Trial[] = [];
      for (const { operation } of ALL) trials.push(await operation.good(stage.world));
      strike(stage.world.org);
      const answers = await Promise.all(ALL.map(({ id }, index) => stage.send(id, trials[index]?.msg ?? {})));
      stage.world.org.control.clearFaults();
      stage.world.signOut();
      for (const [index, { name }] of ALL.entries()) await assertDone(name, trials[index] as Trial, answers[index] as Answered);
    });
  }

  for (const when of ["before", "after"] as const) {
    it(`a connection that breaks ${when} the org has acted fails only what would be done twice, and says so`, async () => {
      for (const { operation, id, name } of ALL) {
        const trial = await operation.good(stage.world);
        stage.world.org.control.resetConnections({ when });
        const answer = await stage.send(id, trial.msg);
        stage.world.org.control.clearFaults(); // some need no call
        if (!TWICE.has(operation.name) && name !== "CRM Analytics (Wave): query") await assertDone(name, trial, answer);
        else {
          const told = `${answer.error?.code} ${answer.error?.message}`;
          assert.match(told, /^ORG_UNAVAILABLE .*not known/, `${name}: ${told}`);
        }
      }
    });
  }

  it("a record that somebody else has locked is tried again on the spot; reading, and orders to jobs, leave that to their source", async () => {
    for (const { operation, id, name } of ALL) {
      if (name.startsWith("Account Engagement")) continue; // knows no such error
      const trial = await operation.good(stage.world);
      stage.world.org.control.failNext({ count: 2, status: 400, errorCode: "UNABLE_TO_LOCK_ROW", message: "unable to obtain exclusive access to this record" });
      const answer = await stage.send(id, trial.msg);
      stage.world.org.control.clearFaults();
      if (answer.error && ["query", "bulk"].includes(operation.node)) assert.equal(answer.error.code, "ORG_BUSY", name);
      else await assertDone(name, trial, answer);
    }
  });

  async function assertDone(name: string, trial: Trial, answer: Answered): Promise<void> {
    assert.equal(answer.error, undefined, `${name}: ${answer.error?.message}`);
    await trial.check(answer);
  }
});
