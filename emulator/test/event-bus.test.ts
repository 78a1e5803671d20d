import assert from "node:assert/strict";
import type { Channel, EventDraft } from "../src/events/bus-event";
import { normalise } from "../src/options";
import { Org } from "../src/org";

const HOUR = 3_600_000;
const FIELDS = [{ name: "Serial__c", type: "string" as const }];

/** An org without a server, and a clock that a test moves. */
function orgWith(): { org: Org; event: Channel; publish(name?: string): number; later(hours: number): void } {
  const org = new Org(normalise({ schema: [{ name: "Alert__e", fields: FIELDS }, { name: "Other__e", fields: FIELDS }], clock: () => Date.UTC(2026, 10, 20) }));
  const publish = (name = "Alert__e"): number => {
    const draft: EventDraft = { kind: "platform", name, eventUuid: `u${org.events.latest}`, createdDate: new Date(org.now()).toISOString(), createdById: "", payload: {} };
    org.events.publish(draft);
    return org.events.latest;
  };
  return { org, event: org.events.channel("/event/Alert__e")!, publish, later: (hours) => org.shiftClock(hours * HOUR) };
}

describe("the event bus", () => {
  it("gives replay ids that rise by one to three over all channels, the same in every run", () => {
    const { org, event, publish } = orgWith();
    const before = org.events.latest;
    const ids = [publish(), publish("Other__e"), ...Array.from({ length: 50 }, () => publish())];
    const steps = ids.map((id, index) => id - (ids[index - 1] ?? before));
    assert.deepEqual([...new Set(steps)].sort(), [1, 2, 3]);
    assert.deepEqual(org.events.read(event, 0).map(({ replayId }) => replayId), ids.filter((_, index) => index !== 1));
    const again = orgWith();
    assert.deepEqual([again.org.events.latest, again.publish()], [before, ids[0]]);
  });

  it("reads behind an id, and lets a client go on behind ids that were given out only", () => {
    const { org, event, publish } = orgWith();
    const start = org.events.latest;
    const [first = 0, other = 0, last = 0] = [publish(), publish("Other__e"), publish()];
    assert.deepEqual(org.events.read(event, first).map(({ replayId }) => replayId), [last]);
    assert.deepEqual([start, first, other, last].map((id) => org.events.knows(event, id)), [true, true, true, true]);
    const never = Array.from({ length: last - start }, (_, index) => start + index).find((id) => ![start, first, other].includes(id));
    assert.deepEqual([never, last + 1, 0, -1].map((id) => org.events.knows(event, id!)), [false, false, false, false]);
  });

  it("keeps platform and change events for 72 hours, PushTopic and generic events for 24", () => {
    const { org, event, publish, later } = orgWith();
    org.insert("PushTopic", { Name: "Cases", Query: "SELECT Id FROM Case", ApiVersion: 66 });
    org.insert("StreamingChannel", { Name: "/u/notes" });
    const id = publish();
    org.insert("Case", { Subject: "x" });
    const channels = ["/topic/Cases", "/data/CaseChangeEvent", "/data/ChangeEvents", "/event/Alert__e"].map((name) => org.events.channel(name)!);
    const kept = (): number[] => channels.map((channel) => org.events.retained(channel.name).length);
    assert.deepEqual(kept(), [1, 1, 1, 1]);
    later(24);
    assert.deepEqual(kept(), [1, 1, 1, 1]);
    later(0.001);
    assert.deepEqual(kept(), [0, 1, 1, 1]);
    assert.deepEqual([org.events.knows(channels[0]!, id), org.events.knows(event, id)], [false, true]);
    later(48);
    assert.deepEqual(kept(), [0, 0, 0, 0]);
    assert.equal(org.events.knows(event, id), false);
    assert.equal(org.events.channel("/u/notes")?.retention, 24 * HOUR);
  });

  it("has a newest id after which a client can go on, however long nothing was published", () => {
    const { org, event, publish, later } = orgWith();
    const id = publish();
    later(100);
    const { latest } = org.events;
    assert.ok(latest > id);
    assert.ok(org.events.knows(event, latest));
    assert.equal(org.events.latest, latest);
    const next = publish();
    assert.deepEqual(org.events.read(event, latest).map(({ replayId }) => replayId), [next]);
  });

  it("forgets its events: no client can go on after old ids, and ids go on rising", () => {
    const { org, event, publish } = orgWith();
    const id = publish();
    org.events.age();
    assert.deepEqual([org.events.read(event, 0), org.events.knows(event, id)], [[], false]);
    assert.ok(org.events.latest > id);
    assert.ok(org.events.knows(event, org.events.latest));
  });

  it("starts its ids again when the org has moved", () => {
    const { org, event, publish } = orgWith();
    const first = publish();
    const ids = [publish(), publish()];
    assert.equal(org.events.restart(), 3);
    assert.deepEqual([org.events.read(event, 0), org.events.knows(event, ids[1]!)], [[], false]);
    assert.ok(publish() <= first);
    assert.equal(org.events.read(event, ids[1]!).length, 0);
  });

  it("calls listeners at the end of the turn, and not for what was undone", async () => {
    const { org, event, publish } = orgWith();
    const told: number[] = [];
    const stop = org.events.follow(({ replayId }) => told.push(replayId));
    const undo = org.events.publish({ kind: "platform", name: "Alert__e", eventUuid: "u", createdDate: new Date(org.now()).toISOString(), createdById: "", payload: {} });
    const stands = publish();
    undo();
    assert.deepEqual(told, []);
    await Promise.resolve();
    assert.deepEqual(told, [stands]);
    assert.deepEqual(org.events.read(event, 0).map(({ replayId }) => replayId), [stands]);
    stop();
    publish();
    await Promise.resolve();
    assert.equal(told.length, 1);
  });

  it("delivers events twice when told so, and leaves ids out", async () => {
    const { org, event, publish } = orgWith();
    const told: number[] = [];
    org.events.follow(({ replayId }) => told.push(replayId));
    org.events.repeat(1);
    const [twice, once] = [publish(), publish()];
    org.events.skip(1000);
    const far = publish();
    await Promise.resolve();
    assert.deepEqual(told, [twice, twice, once, far]);
    assert.deepEqual(org.events.read(event, 0).map(({ replayId }) => replayId), told);
    assert.ok(far > once + 1000);
    assert.equal(org.events.published().length, 3);
    org.events.repeat(2);
    org.reset();
    publish();
    assert.equal(org.events.retained("/event/Alert__e").length, 1);
  });

  it("knows channels by their exact names", () => {
    const { org } = orgWith();
    org.insert("PushTopic", { Name: "Cases", Query: "SELECT Id FROM Case", ApiVersion: 66 });
    org.insert("StreamingChannel", { Name: "/u/notes/all" });
    const there = ["/event/Alert__e", "/data/ChangeEvents", "/data/CaseChangeEvent", "/topic/Cases", "/u/notes/all"];
    assert.deepEqual(there.map((name) => org.events.channel(name)?.name), there);
    const missing = ["/event/alert__e", "/event/Case", "/event/Nope__e", "/data/caseChangeEvent", "/data/Case", "/data/GroupChangeEvent", "/data/Alert__eChangeEvent"];
    const more = ["/topic/cases", "/topic/", "/u/notes", "/u/Notes/all", "event/Alert__e", "/event/Alert__e/", "/", "", "/data/X__chn", "/meta/connect"];
    for (const name of [...missing, ...more]) assert.equal(org.events.channel(name), undefined, name);
  });
});
