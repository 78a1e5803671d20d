import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { ConnectorError } from "../../../nodes/common/errors";
import { claimOf } from "../../../nodes/delivery/claim";
import type { Delivery } from "../../../nodes/delivery/delivery";
import { flowStopped } from "../../../nodes/delivery/outcome";
import { registry, tokenOf } from "../../../nodes/delivery/tracker/registry";
import { Room } from "../../../nodes/delivery/reading/room";
import { type Parcel, RowDeliveries } from "../../../nodes/delivery/reading/row-deliveries";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";

describe("rows that nobody need work on any more", () => {
  it("are not sent any more when some of them held up the others, and free their room once", async () => {
    const events = new EventEmitter();
    const room = new Room(10);
    const sent: object[] = [];
    const released: number[] = [];
    const nothing = (): void => undefined;
    const rows = new RowDeliveries({
      settings: { settle: "node", deadline: 60_000, retries: 0, retryDelay: 1, retryMaxDelay: 1 },
      node: { id: "rows", type: "rows" },
      runtime: { events } as unknown as TrackedRuntime,
      room,
      send: (_output, message) => sent.push(message),
      isWired: () => true,
      onHold: nothing,
      onResume: nothing,
      warn: nothing,
    });
    const parcels = [0, 1].map((row): Parcel => ({ size: 1, output: 0, message: () => ({ payload: row }), accepted: nothing, failed: nothing, released: () => released.push(row) }));
    for (const parcel of parcels) rows.hand(parcel);
    const [held, back] = sent as [object, object];
    claimOf(held)?.hold("its system is away");
    (registry.find(tokenOf(back) as string) as Delivery).settle({ outcome: "release", error: new ConnectorError("NOT_CONFIGURED", "until the next deploy") });
    events.emit("flows:started");
    rows.withdraw(parcels, flowStopped());
    assert.deepEqual([sent.length, released, room.taken], [2, [0, 1], 0]);
    await rows.close(0);
  });
});
