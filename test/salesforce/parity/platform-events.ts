import assert from "node:assert/strict";
import type { Connector } from "./operation";

/** The event that operations send. */
export const EVENT = "Device_Alert__e";

/** Platform events, sent. */
export const PLATFORM_EVENTS: Connector = {
  title: "Platform events and streaming",
  text: "To listen, use `salesforce listen` ([how](salesforce-events.md)): PushTopics, platform events and change events, from the stored position, with a choice of what to do if it is stale; pause, resume and restart by message or button. It has its own tests.",
  operations: [
    {
      name: "Send",
      node: "publish",
      settings: { event: EVENT },
      takes: "fields, or a list of them, in `msg.payload`",
      gives: "`msg.salesforce.eventUuid`",
      good: (world) => {
        const serial = world.unique("pump");
        return {
          msg: { payload: { Serial__c: serial } },
          check: ({ salesforce }) => {
            const sent = world.org.events(EVENT).find(({ payload }) => payload.Serial__c === serial);
            assert.ok(sent);
            assert.equal(salesforce?.eventUuid, sent.eventUuid);
          },
        };
      },
      bad: () => ({ msg: { payload: { Nope__c: 1 } }, error: /No such column 'Nope__c'/ }),
    },
  ],
};
