import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { held, testBench } from "../../services/test-nodes/test-nodes";
import { clientCredentials, Orgs } from "../support";
import { makeRuntime, ORG, RouteFlow, SKILLS, waitFor, watchStatuses } from "./route-flow";

const runtime = makeRuntime();

describe("salesforce route", function () {
  this.timeout(60_000);
  const orgs = new Orgs();
  let org: Emulator;
  let client: OrgClient;
  let flow: RouteFlow;
  let [pumps, valves, others, ann, bob] = ["", "", "", "", ""];

  before(async () => {
    await runtime.start();
    org = await orgs.start(ORG);
    client = orgs.client(clientCredentials(org));
    flow = new RouteFlow(runtime, org);
    [pumps, valves, others] = ["Pumps", "Valves", "Others"].map((name) => org.control.addQueue({ name }).id) as [string, string, string];
    const user = (name: string): object => ({ Username: `${name}@surewire.example`, LastName: name, Email: `${name}@surewire.example` });
    [ann, bob] = org.control.insert({ object: "User", records: [user("ann"), user("bob")] as Record<string, unknown>[] }).ids as [string, string];
    await flow.deploy();
  });
  beforeEach(() => {
    flow.forget();
    org.control.clearFaults();
  });
  after(async () => {
    await runtime.stop();
    await orgs.stop();
  });

  const update = (id: string, fields: object): Promise<unknown> => client.rest.request({ method: "PATCH", path: `/sobjects/Case/${id}`, body: fields });

  /** A case with an open interaction. */
  async function opened(interactionId: string, fields: object = {}): Promise<string> {
    const id = flow.insert({ OwnerId: pumps, ...fields });
    await flow.take(flow.created(id));
    await flow.take(flow.answer(id, interactionId));
    flow.forget();
    return id;
  }

  describe("hands a case over", () => {
    it("that is new in a watched queue, with all the work group needs", async () => {
      const id = flow.insert({ OwnerId: pumps, [SKILLS]: "French;Pumps", Origin: "Email" });
      assert.equal(await flow.take(flow.created(id)), "accept");
      const [payload] = flow.seen("create");
      assert.ok(payload);
      const { case: found, request, ...rest } = payload;
      assert.deepEqual(rest, { action: "create", queue: "Pumps", workgroup: "wg.pumps", skills: ["French", "Pumps"], reason: "new", attempt: 1 });
      assert.match(request ?? "", /^[0-9a-f-]{36}$/);
      const { number, createdDate, lastModifiedDate, ...known } = found as Exclude<typeof found, { id: string } & { number?: never }> & Record<string, unknown>;
      assert.deepEqual(known, { id, subject: "hot pump", status: "New", priority: "Medium", origin: "Email", ownerId: pumps, isClosed: false });
      assert.ok(number && createdDate && lastModifiedDate);
    });

    it("whose queue came to be a watched one", async () => {
      const id = flow.insert({ OwnerId: others });
      await flow.take(flow.created(id));
      await update(id, { OwnerId: valves });
      await flow.take(flow.ownerChanged(id));
      assert.deepEqual(flow.out, ["create wg.valves queue"]);
    });

    it("whose owner changed, to the one who owns it now", async () => {
      const id = await opened("I-owner");
      await update(id, { OwnerId: ann });
      await flow.take(flow.ownerChanged(id, ann));
      await flow.take(flow.email(id, false));
      await flow.take(flow.answer(id, "I-owner", "ended"));
      flow.forget();
      await update(id, { OwnerId: bob });
      await flow.take(flow.ownerChanged(id, ann));
      assert.deepEqual(flow.out, ["create wg.pumps owner"]);
      assert.deepEqual(flow.seen("create")[0]?.agent, { id: bob, name: "bob", username: "bob@surewire.example", email: "bob@surewire.example" });
    });

    it("on which somebody else than its owner commented", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.comment(id, ann));
      assert.deepEqual(flow.out, ["create wg.pumps comment"]);
    });

    it("to which a customer wrote", async () => {
      const id = flow.insert({ OwnerId: valves });
      await flow.take(flow.email(id, true));
      assert.deepEqual(flow.out, ["create wg.valves email"]);
    });

    it("not when it is in no watched queue", async () => {
      const id = flow.insert({ OwnerId: others });
      for (const event of [flow.created(id), flow.ownerChanged(id), flow.email(id, true), flow.comment(id, ann)]) assert.equal(await flow.take(event), "accept");
      assert.deepEqual(flow.out, []);
    });

    it("each of those that one event is about, read in one query", async () => {
      const ids = Array.from({ length: 30 }, (_, index) => flow.insert({ OwnerId: index % 2 ? pumps : valves }));
      const before = org.control.stats().apiCalls;
      assert.equal(await flow.take(flow.created(...ids)), "accept");
      assert.equal(org.control.stats().apiCalls - before, 1);
      assert.deepEqual(flow.seen("create").map(({ case: { id } }) => id).sort(), [...ids].sort());
    });

    it("looking up whose comment and whose e-mail it was, when the event does not say", async () => {
      const id = flow.insert({ OwnerId: pumps });
      const [mail] = org.control.insert({ object: "EmailMessage", records: [{ ParentId: id, Incoming: true, Subject: "help" }] }).ids;
      await flow.take(flow.change("EmailMessage", "GAP_CREATE", [mail ?? ""]));
      assert.deepEqual(flow.out, ["create wg.pumps email"]);
    });

    it("and of a comment that the flow tells of by its id alone, as the org has no event for it", async () => {
      const id = flow.insert({ OwnerId: pumps });
      const [comment] = org.control.insert({ object: "CaseComment", records: [{ ParentId: id, CommentBody: "help" }] }).ids;
      assert.equal(await flow.take({ ChangeEventHeader: { entityName: "CaseComment", changeType: "CREATE", recordIds: [comment] } }), "accept");
      assert.deepEqual(flow.out, ["create wg.pumps comment"]);
    });

    it("whose e-mails, in and out, one event names together", async () => {
      const id = flow.insert({ OwnerId: pumps });
      const mails = org.control.insert({ object: "EmailMessage", records: [true, false].map((Incoming) => ({ ParentId: id, Incoming, Subject: "help" })) }).ids;
      await flow.take(flow.change("EmailMessage", "GAP_CREATE", mails));
      assert.deepEqual(flow.out, ["create wg.pumps email"]);
    });
  });

  for (const [rule, event] of [
    ["onNew", (id: string) => flow.created(id)],
    ["onComment", (id: string) => flow.comment(id, "005000000000000AAA")],
    ["onEmail", (id: string) => flow.email(id, true)],
  ] as const) {
    it(`does nothing of the kind with ${rule} off`, async () => {
      await flow.deploy({ [rule]: false });
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(event(id));
      assert.deepEqual(flow.out, []);
      await flow.deploy();
    });
  }

  it("takes a move to a watched queue for none with the rules for queue and owner off", async () => {
    await flow.deploy({ onQueue: false, onOwner: false });
    await flow.take(flow.ownerChanged(flow.insert({ OwnerId: pumps })));
    assert.deepEqual(flow.out, []);
    await flow.deploy();
  });

  describe("queues", () => {
    it("are matched letter by letter", async () => {
      await flow.deploy({ routes: [{ queue: "pumps", workgroup: "wg" }, { queue: "Valves", workgroup: "wg.valves" }] });
      await flow.take(flow.created(flow.insert({ OwnerId: pumps }), flow.insert({ OwnerId: valves })));
      assert.deepEqual(flow.out, ["create wg.valves new"]);
      await flow.deploy();
    });

    it("of which the org has none do not let events pass without effect: the node waits, red", async () => {
      await flow.deploy({ routes: [{ queue: "pumps", workgroup: "wg" }] });
      const settled = flow.take(flow.created(flow.insert({ OwnerId: pumps })));
      await waitFor("the source to pause", () => flow.source.events.some((event) => /^hold: .*none of the queues.*: pumps$/.test(event)));
      assert.deepEqual(flow.out, []);
      await flow.deploy();
      assert.equal(await settled, "release FLOW_STOPPED");
    });

    it("are read from an object of the org, and again when they are stale", async () => {
      org.control.insert({ object: "Queue_Route__c", records: [{ Queue__c: "Pumps", Work_Group__c: "wg.one" }] });
      await flow.deploy({ routesFrom: "object", routesObject: "Queue_Route__c", queueField: "Queue__c", workgroupField: "Work_Group__c", refresh: 1 });
      await flow.take(flow.created(flow.insert({ OwnerId: pumps }), flow.insert({ OwnerId: valves })));
      org.control.insert({ object: "Queue_Route__c", records: [{ Queue__c: "Valves", Work_Group__c: "wg.two" }] });
      await flow.take(flow.created(flow.insert({ OwnerId: valves })));
      assert.deepEqual(flow.out, ["create wg.one new", "create wg.two new"]);
      await flow.deploy();
    });
  });

  it("fails an event whose case asks for skills that nobody could read, and hands over the others of that event", async () => {
    const good = flow.insert({ OwnerId: pumps });
    const bad = flow.insert({ OwnerId: pumps, [SKILLS]: "French|Pumps" });
    assert.equal(await flow.take(flow.created(good, bad)), "dead-letter INPUT_INVALID");
    assert.deepEqual(flow.seen("create").map(({ case: { id } }) => id), [good]);
    assert.match(String(flow.settlements.at(-1)?.settlement.error?.message), /ObjectRouting_Skills__c has a \| in it/);
  });

  describe("one open interaction per case", () => {
    it("while it is open, there is no second one", async () => {
      const id = await opened("I1");
      await flow.take(flow.email(id, true));
      await flow.take(flow.comment(id, ann));
      assert.deepEqual(flow.out, ["update wg.pumps email I1", "update wg.pumps comment I1"]);
    });

    it("while it is asked for, there is no second one", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      await flow.take(flow.email(id, true));
      assert.deepEqual(flow.out, ["create wg.pumps new", "update wg.pumps email"]);
    });

    it("an event that comes again makes no second one", async () => {
      const id = flow.insert({ OwnerId: pumps });
      const event = flow.created(id);
      for (let time = 0; time < 3; time += 1) assert.equal(await flow.take(event), "accept");
      const mail = flow.email(id, true);
      for (let time = 0; time < 3; time += 1) await flow.take(mail);
      assert.deepEqual(flow.out, ["create wg.pumps new", "update wg.pumps email"]);
    });

    it("moved to another watched queue, it goes to that work group", async () => {
      const id = await opened("I2");
      await update(id, { OwnerId: valves });
      await flow.take(flow.ownerChanged(id));
      assert.deepEqual(flow.out, ["update wg.valves queue I2"]);
      assert.equal(flow.seen("update")[0]?.previousWorkgroup, "wg.pumps");
    });

    it("moved to an unwatched queue, it is closed", async () => {
      const id = await opened("I3");
      await update(id, { OwnerId: others });
      await flow.take(flow.ownerChanged(id));
      assert.deepEqual(flow.out, ["disconnect wg.pumps unwatched I3"]);
    });

    it("an agent's reply closes it, and the customer's next e-mail opens another", async () => {
      const id = await opened("I4");
      await update(id, { OwnerId: ann });
      await flow.take(flow.ownerChanged(id, ann));
      await flow.take(flow.email(id, false));
      assert.deepEqual(flow.out, ["disconnect wg.pumps reply I4"]);
      await flow.take(flow.answer(id, "I4", "ended"));
      await flow.take(flow.email(id, true));
      assert.deepEqual(flow.out.slice(1), ["create wg.pumps email"]);
    });

    it("a comment by the owner is a reply, too", async () => {
      const id = await opened("I5");
      await update(id, { OwnerId: ann });
      await flow.take(flow.comment(id, ann));
      assert.deepEqual(flow.out, ["disconnect wg.pumps reply I5"]);
    });

    it("a reply closes nothing with disconnect on reply off", async () => {
      await flow.deploy({ disconnectOnReply: false });
      const id = await opened("I6");
      await flow.take(flow.email(id, false));
      assert.deepEqual(flow.out, []);
      await flow.deploy();
    });

    it("reopened in a watched queue, it is routed again", async () => {
      const id = await opened("I9");
      const reopened = (): object => flow.change("Case", "UPDATE", [id], { changedFields: ["Status", "IsClosed", "ClosedDate", "LastModifiedDate"] });
      await update(id, { Status: "Closed" });
      await flow.take(flow.updated(id));
      await update(id, { Status: "New" });
      await flow.take(reopened());
      await update(id, { Status: "Closed" });
      await flow.take(flow.updated(id));
      await flow.take(flow.answer(id, "I10"));
      await flow.take(flow.answer(id, "I10", "ended"));
      await update(id, { Status: "New" });
      await flow.take(reopened());
      assert.deepEqual(flow.out, ["disconnect wg.pumps closed I9", "create wg.pumps queue", "disconnect wg.pumps closed I10", "create wg.pumps queue"]);
    });

    it("a closed case closes it, and so does a deleted one", async () => {
      const [closed, deleted] = [await opened("I7"), await opened("I8")];
      await update(closed, { Status: "Closed" });
      await flow.take(flow.updated(closed));
      await client.rest.request({ method: "DELETE", path: `/sobjects/Case/${deleted}` });
      await flow.take(flow.change("Case", "DELETE", [deleted]));
      assert.deepEqual(flow.out, ["disconnect wg.pumps closed I7", "disconnect wg.pumps deleted I8"]);
    });

    it("a late second interaction is disconnected", async () => {
      const id = await opened("I9");
      await flow.take(flow.answer(id, "I9"));
      await flow.take(flow.answer(id, "I10"));
      assert.deepEqual(flow.out, ["disconnect wg.pumps duplicate I10"]);
    });
  });

  it("goes to the work group directly, whoever owns the case, when it is told to", async () => {
    await flow.deploy({ directToQueue: true });
    const id = await opened("I11");
    await update(id, { OwnerId: ann });
    await flow.take(flow.answer(id, "I11", "ended"));
    await flow.take(flow.email(id, true));
    assert.deepEqual(flow.out, ["create wg.pumps email"]);
    assert.equal(flow.seen("create")[0]?.agent, undefined);
    await flow.deploy();
  });

  describe("an answer", () => {
    const markFields = [
      { field: "Interaction__c", value: "routing.interactionId", valueType: "msg" },
      { field: "Work_Group__c", value: "routing.workgroup", valueType: "msg" },
      { field: "Routed_At__c", value: "routing.time", valueType: "msg" },
    ];
    const marksOf = (id: string): unknown[] => {
      const found = org.records("Case").find((one) => one.Id === id);
      return [found?.Interaction__c, found?.Work_Group__c, typeof found?.Routed_At__c];
    };

    before(() => flow.deploy({ markFields }));
    after(() => flow.deploy());

    it("marks the case as processed, and nothing before does", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      assert.deepEqual(marksOf(id), [null, null, "object"]);
      assert.equal(await flow.take(flow.answer(id, "M1")), "accept");
      assert.deepEqual(marksOf(id), ["M1", "wg.pumps", "string"]);
    });

    it("waits until the org is back, and marks once", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      org.control.unavailable({});
      const answered = flow.take(flow.answer(id, "M2"));
      await waitFor("the source to pause", () => flow.source.events.some((event) => event.startsWith("hold")));
      assert.deepEqual(marksOf(id)[0], null);
      org.control.clearFaults();
      assert.equal(await answered, "accept");
      assert.deepEqual(marksOf(id)[0], "M2");
    });

    it("fails alone when the org refuses its mark", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      org.control.addRule({ object: "Case", condition: "Interaction__c = 'M3'", message: "not this one" });
      assert.equal(await flow.take(flow.answer(id, "M3")), "dead-letter ORG_REFUSED");
    });

    it("marks a record of another object about the case: the one there is, or a new one", async () => {
      await flow.deploy({ markObject: "Routing__c", markCaseField: "Case__c", markFields: markFields.slice(0, 1) });
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      await flow.take(flow.answer(id, "M4"));
      await flow.take(flow.answer(id, "M4", "ended"));
      await flow.take(flow.email(id, true));
      await flow.take(flow.answer(id, "M5"));
      assert.deepEqual(org.records("Routing__c").map(({ Case__c, Interaction__c }) => [Case__c, Interaction__c]), [[id, "M5"]]);
    });

    it("that nobody can read is dead-lettered", async () => {
      assert.equal(await flow.take({ caseId: "nonsense", status: "created" }), "dead-letter INPUT_INVALID");
    });
  });

  describe("on its own", () => {
    afterEach(() => flow.deploy());

    it("gives an answer up that does not come in time, and routes again", async () => {
      await flow.deploy({ answerTimeout: 60 });
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      await waitFor("a second create", () => flow.seen("create").length >= 2);
      const [first, second] = flow.seen("create");
      assert.deepEqual([second?.request, second?.attempt, second?.case.id], [first?.request, 2, id]);
      await flow.take(flow.answer(id, "T1"));
      await flow.take(flow.answer(id, "T2"));
      assert.deepEqual(flow.out.filter((put) => !put.startsWith("create")), ["disconnect wg.pumps duplicate T2"]);
    });

    it("finds on start the cases that fell between, and only those", async () => {
      const marked = { Interaction__c: "before" };
      const [missed, done, elsewhere, closed] = [flow.insert({ OwnerId: valves }), flow.insert({ OwnerId: valves, ...marked }), flow.insert({ OwnerId: others }), flow.insert({ OwnerId: valves, Status: "Closed" })];
      const routed = await opened("S1", { OwnerId: valves });
      await flow.deploy({ startQuery: true, routes: [{ queue: "Valves", workgroup: "wg.valves" }], markFields: [{ field: "Interaction__c", value: "routing.interactionId", valueType: "msg" }] });
      const found = (): string[] => flow.seen("create").map(({ case: { id } }) => id);
      await waitFor("the missed case", () => found().includes(missed));
      await flow.take(flow.updated(missed));
      for (const id of [done, elsewhere, closed, routed]) assert.ok(!found().includes(id));
      assert.equal(found().filter((id) => id === missed).length, 1);
    });

    it("looks at all cases when the org could not say which have changed", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.change("Case", "GAP_OVERFLOW", ["500*"]));
      await waitFor("the case", () => flow.seen("create").some((one) => one.case.id === id));
    });

    it("finds what lies in a queue that is new among those watched, and what came there before the node knew", async () => {
      org.control.insert({ object: "Queue_Route__c", records: [{ Queue__c: "Pumps", Work_Group__c: "wg.one" }] });
      await flow.deploy({ startQuery: true, routesFrom: "object", routesObject: "Queue_Route__c", queueField: "Queue__c", workgroupField: "Work_Group__c", refresh: 1 });
      const created = (id: string): boolean => flow.seen("create").some((one) => one.case.id === id);
      const [first, second] = [flow.insert({ OwnerId: pumps }), flow.insert({ OwnerId: others })];
      await flow.take(flow.created(first, second));
      assert.deepEqual([created(first), created(second)], [true, false]);
      org.control.insert({ object: "Queue_Route__c", records: [{ Queue__c: "Others", Work_Group__c: "wg.others" }] });
      await flow.take(flow.updated(first));
      await waitFor("the case", () => created(second));
    });

    it("does not settle that event before it could look, and lets its source pause, however long that takes", async () => {
      await flow.deploy({ answerTimeout: 2_000 }); // it tries again a twentieth later
      const id = flow.insert({ OwnerId: pumps });
      org.control.unavailable({});
      const [before, calls] = [flow.settlements.length, org.control.stats().apiCalls];
      const settled = flow.take(flow.change("Case", "GAP_OVERFLOW", ["500*"]));
      await waitFor("the org to refuse", () => org.control.stats().apiCalls > calls);
      await waitFor("the source to pause", () => flow.source.events.some((event) => event.startsWith("hold")));
      assert.equal(flow.settlements.length, before);
      org.control.clearFaults();
      assert.equal(await settled, "accept");
      assert.equal(flow.source.events.at(-1), "resume");
      assert.ok(flow.seen("create").some((one) => one.case.id === id));
    });

    it("closes on start cases whose end was not reported", async () => {
      const [closed, routed] = [await opened("C1"), await opened("C2")];
      await update(closed, { Status: "Closed" });
      await flow.deploy({ startQuery: true });
      await waitFor("the disconnect", () => flow.out.includes("disconnect wg.pumps closed C1"));
      assert.ok(!flow.out.some((one) => one.endsWith("C2")), routed);
    });

    it("puts out on start no new case while new ones are not to be routed", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.deploy({ startQuery: true, onNew: false });
      await flow.take(flow.updated(id));
      await flow.take(flow.change("Case", "GAP_OVERFLOW", ["500*"]));
      assert.deepEqual(flow.seen("create").filter((one) => one.case.id === id), []);
    });

    it("remembers over a restart what is open and what is asked for", async () => {
      const id = await opened("R1");
      await flow.deploy();
      await flow.take(flow.email(id, true));
      assert.deepEqual(flow.out, ["update wg.pumps email R1"]);
    });

    it("routes again what a restart has cut off", async () => {
      const id = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(id));
      await flow.deploy({ answerTimeout: 50 });
      await flow.take(flow.answer(id, "R2"));
      const other = flow.insert({ OwnerId: pumps });
      await flow.take(flow.created(other));
      await flow.deploy({ answerTimeout: 50 });
      await waitFor("the second try", () => flow.seen("create").some(({ case: { id: found } }) => found === other));
    });
  });

  describe("with outputs that nothing is wired to", () => {
    const statuses = watchStatuses("route");
    after(() => flow.deploy());

    it("begins nothing, grey, while nothing is wired to Create, and goes on when something is", async () => {
      const nodes = flow.nodes();
      await runtime.fresh(nodes.map((node) => (node.id === "route" ? { ...node, wires: [[], ["update"], ["disconnect"]] } : node)));
      await waitFor("the status", () => statuses.includes("grey route.status.unwired"));
      const id = flow.insert({ OwnerId: pumps });
      const settled = flow.take(flow.created(id));
      await waitFor("its source to pause", () => flow.source.events.some((event) => event.startsWith("hold")));
      assert.equal(flow.settlements.length, 0);
      await runtime.deploy(nodes, "nodes");
      assert.equal(await settled, "release FLOW_STOPPED");
      assert.equal(await flow.take(flow.created(id)), "accept");
      assert.equal(flow.seen("create").filter((request) => request.case.id === id).length, 1);
    });

    it("does without what is not wired to the other outputs", async () => {
      await runtime.fresh(flow.nodes({ answerTimeout: 60 }).map((node) => (node.id === "route" ? { ...node, wires: [["create"], [], []] } : node)));
      const id = await opened("N2");
      assert.equal(await flow.take(flow.email(id, true)), "accept");
      await update(id, { Status: "Closed" });
      assert.equal(await flow.take(flow.updated(id)), "accept");
      const other = flow.insert({ OwnerId: pumps });
      assert.equal(await flow.take(flow.created(other)), "accept");
      await waitFor("a request made again", () => flow.seen("create").filter(({ case: found }) => found.id === other).length >= 2);
    });
  });

  it("puts a create out again when the flow failed with it, and no other", async () => {
    await flow.deploy({}, [{ id: "hold", type: "test-hold", wires: [[]] }]);
    const id = flow.insert({ OwnerId: pumps });
    const event = flow.created(id);
    const first = flow.take(event);
    await waitFor("the create", () => held.length === 1);
    held[0]?.fail(new Error("the broker refused it"));
    assert.match(await first, /FLOW_ERROR/);
    const second = flow.take(event);
    await waitFor("the create once more", () => held.length === 2);
    held[1]?.go();
    assert.equal(await second, "accept");
    assert.equal(await flow.take(event), "accept");
    assert.equal(held.length, 2);
    const [one, two] = held.map(({ msg }) => (msg as { payload: { request: string } }).payload.request);
    assert.equal(one, two);
    testBench.reset();
    await flow.deploy();
  });
});
