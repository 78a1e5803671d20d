import assert from "node:assert/strict";
import type { ChangeEvent } from "../src/events/bus-event";
import { normalise } from "../src/options";
import { Org } from "../src/org";
import { readRecord } from "../src/records/reader";
import type { Row } from "../src/store/table";
import { generator } from "./helpers";

/** Keeps a copy of records from nothing but change events. */
function replicate(events: readonly ChangeEvent[]): Map<string, Record<string, unknown>> {
  const copies = new Map<string, Record<string, unknown>>();
  for (const { header, values } of events) {
    for (const id of header.recordIds) {
      assert.equal(header.changeType === "CREATE" || header.changeType === "UNDELETE", !copies.has(id), `${header.changeType} of ${id}`);
      if (header.changeType === "DELETE") copies.delete(id);
      else copies.set(id, { ...copies.get(id), ...values });
    }
  }
  return copies;
}

/** A record as change events show it: without what is empty. */
function shown({ Id: _id, IsDeleted: _deleted, SystemModstamp: _stamp, ...row }: Row): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null).map(([name, value]) => [name, name.endsWith("Date") ? String(value).replace("+0000", "Z") : value]));
}

describe("a copy of records made of change events", () => {
  it("is what the org holds, after any writes and whatever of them was taken back", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      let time = Date.UTC(2026, 10, 20);
      const org = new Org(normalise({ clock: () => (time += 7) }));
      const object = org.schema.object("Case")!;
      const random = generator(seed);
      const pick = (rows: Row[]): Row | undefined => rows[random(rows.length)];
      const write = (writer: ReturnType<Org["writer"]>): void => {
        const all = [...org.store.table(object).all()];
        const values = { Priority: ["High", "Low"][random(2)], Subject: [null, "a", "b"][random(3)], Status: ["New", "Closed"][random(2)] };
        const input = readRecord(org.schema, object, values);
        const live = pick(all.filter((row) => !row.IsDeleted));
        const dead = pick(all.filter((row) => row.IsDeleted));
        const what = random(10);
        if (what < 3 || !live) writer.create(object, input);
        else if (what < 7) writer.update(object, live.Id, input);
        else if (what < 9 || !dead) writer.delete(object, live.Id);
        else writer.undelete(dead);
      };
      for (let call = 0; call < 60; call++) {
        const [kept, lost] = [org.writer(), org.writer()];
        for (let count = random(6); count >= 0; count--) write(kept);
        for (let count = random(3); count > 0; count--) write(lost);
        lost.rollBack();
        await Promise.resolve();
      }
      const copies = replicate(org.events.retained("/data/CaseChangeEvent") as ChangeEvent[]);
      const records = org.records("Case");
      assert.ok(records.length > 10);
      assert.deepEqual(new Set(copies.keys()), new Set(records.map(({ Id }) => Id)));
      for (const row of records) {
        const copy = Object.fromEntries(Object.entries(copies.get(row.Id)!).filter(([, value]) => value !== null));
        // Records that one event tells of share its time.
        assert.deepEqual({ ...copy, LastModifiedDate: "" }, { ...shown(row), LastModifiedDate: "" });
      }
    }
  });
});
