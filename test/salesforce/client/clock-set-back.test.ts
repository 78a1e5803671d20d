import assert from "node:assert/strict";
import { RecordFinder } from "../../../nodes/salesforce/client/cases/record-finder";
import type { SelectIn } from "../../../nodes/salesforce/client/query/select-in";
import { EventPosition, type PositionPlace } from "../../../nodes/salesforce/client/events/event-position";
import { UsageGuard } from "../../../nodes/salesforce/client/http/usage-guard";
import type { RestClient } from "../../../nodes/salesforce/client/rest";
import { WatchedQueues } from "../../../nodes/salesforce/client/routing/watched-queues";
import { TokenKeeper } from "../../../nodes/salesforce/client/sign-in/token";
import { waitFor } from "../../services/wait";

const { now } = Date;

describe("When the clock of the machine is set back", () => {
  let by = 0;
  const setBack = (): void => void (by = 86_400_000);
  beforeEach(() => {
    by = 0;
    Date.now = () => now() - by;
  });
  afterEach(() => void (Date.now = now));

  it("a login that has failed is tried again as soon as ever", async () => {
    let away = true;
    const pace = { transient: { initial: 10 } };
    const keeper = new TokenKeeper({ pace, login: () => (away ? Promise.reject(new Error("away")) : Promise.resolve({ accessToken: "token", instanceUrl: "https://acme.my.salesforce.com" })) });
    await assert.rejects(keeper.get());
    setBack();
    away = false;
    await waitFor("the login to be tried", () => keeper.get().then(() => true, () => false));
  });

  it("the org is looked at again when all its calls were used", async () => {
    const guard = new UsageGuard({ hold: 20, maxGap: 1 });
    guard.note({ "sforce-limit-info": "api-usage=1000/1000" });
    setBack();
    await waitFor("a call to be let through", () => guard.turn()?.then(() => true, () => false));
  });

  it("a record that was missing is looked for again", async () => {
    const rows: object[] = [];
    const select = { rows: () => Promise.resolve(rows) } as unknown as SelectIn;
    const finder = new RecordFinder(select, { object: "Group", field: "DeveloperName", keepMisses: 20 });
    assert.equal((await finder.find(["Repairs"])).get("Repairs"), undefined);
    setBack();
    rows.push({ Id: "00G000000000001AAA", DeveloperName: "Repairs" });
    await waitFor("the queue to be found", async () => (await finder.find(["Repairs"])).get("Repairs"));
  });

  it("queues that are watched are looked up as often as ever", async () => {
    let looks = 0;
    const request = () => Promise.resolve({ body: { records: [{ Id: `00G00000000000${(looks += 1)}AAA`, Name: "Pumps" }] } });
    const source = { from: "node" as const, routes: [{ queue: "Pumps", workgroup: "wg.pumps" }] };
    const queues = new WatchedQueues({ rest: { request, version: "66.0" } as unknown as RestClient, source, ids: { read: () => Promise.resolve(undefined), write: () => Promise.resolve() }, refresh: 20, warn: () => undefined, onAdded: () => undefined });
    await queues.byId();
    setBack();
    await waitFor("another look", async () => (await queues.byId()) && looks > 1);
  });

  it("the position of a listener is stored as soon as ever", async () => {
    const written: (string | undefined)[] = [];
    const place: PositionPlace = { read: () => Promise.resolve(undefined), write: ({ position }) => Promise.resolve(written.push(position) > 0) };
    const position = new EventPosition({ place, transport: "cometd", window: 5, onRefused: () => undefined, onTrouble: () => undefined, warn: () => undefined, every: 20 });
    position.add("1", "uuid-1")();
    await waitFor("the first position", () => written.length === 1);
    setBack();
    position.add("2", "uuid-2")();
    await waitFor("the second position", () => written.at(-1) === "2");
    await position.close();
  });
});
