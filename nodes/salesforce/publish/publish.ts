import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { putOn } from "../../common/put-on";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import { type EventItem, EventWriter, type Published } from "../client/events/event-writer";
import { RecordWriter } from "../client/records/record-writer";
import { orgOf } from "../client/org-node";
import { OrgLane } from "../client/org-lane";
import { showLane } from "../client/org-status";
import { eventsOf, isEventName } from "./event-source";

interface PublishDef extends NodeDef {
  org: string;
  /** API name of the platform event, `…__e`, or where to find it, depending on `eventType`. */
  event: string;
  eventType: string;
  /** Where to find the field values: an object, or a list of objects. */
  fields: string;
  fieldsType: string;
  /** The API by which events are published. Default: `rest`. */
  transport?: "rest" | "pubsub";
  batchSize: number | string;
  linger: number | string;
}

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: PublishDef): void {
    const toEvents = readEvents(node, config);
    const lane = openLane(node, status, config);
    showLane(status, lane.state, RED._); // if other nodes use the org already, its state may not change for long
    node.on("input", (msg, send, done) => {
      let item: EventItem | Promise<EventItem>;
      try {
        item = toEvents(msg);
      } catch (error) {
        return done(toConnectorError(error, "INPUT_INVALID"));
      }
      lane.take(msg, item, done, (salesforce) => send(putOn(msg, { salesforce })));
    });
    closeWith(node, status, () => lane.close());
  }

  function openLane(node: Node, status: Status, config: PublishDef): OrgLane<EventItem, Published> {
    const org = orgOf(RED.nodes.getNode(config.org), config.org);
    const publisher = config.transport === "pubsub" ? org.streams.publisher : new RecordWriter(org.rest, { what: "event" });
    const writer = new EventWriter(publisher, isFixed(config));
    return new OrgLane<EventItem, Published>({
      org,
      batchSize: wholeNumber(config.batchSize, "Batch size", { fallback: 200, min: 1, max: 200 }),
      linger: wholeNumber(config.linger, "Linger", { fallback: 50, max: 60_000 }),
      concurrency: 1, // events keep their order
      write: (items) => writer.write(items),
      retriesInPlace: 0, // an event that is published twice is delivered twice
      onState: (state) => showLane(status, state, RED._),
      warn: (text) => node.warn(text),
    });
  }

  function readEvents(node: Node, config: PublishDef): (msg: object) => EventItem | Promise<EventItem> {
    const event = compileTypedInput(RED.util, node, config.event ?? "", config.eventType || "str", "event");
    if (isFixed(config) && !isEventName(String(event({})).trim())) throw new ConnectorError("NOT_CONFIGURED", RED._("publish.error.event"));
    const fields = compileTypedInput(RED.util, node, config.fields || "payload", config.fieldsType || "msg", "data");
    return eventsOf(event, fields);
  }

  function isFixed({ eventType }: PublishDef): boolean {
    return !eventType || eventType === "str" || eventType === "env";
  }

  registerNode(RED, "surewire-salesforce-publish", run);
};
