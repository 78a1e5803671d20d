import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import { type DeliveryDef, type PoisonDef, readDeliverySettings, readPoisonSettings } from "../../delivery/delivery-settings";
import type { ListenSettings } from "../client/events/listen-settings";
import type { PushTopicDeclaration, TopicOperation } from "../client/events/push-topics";

/** The properties that the editor saves. Numbers may be texts: as typed, or from environment variables. */
export interface ListenDef extends DeliveryDef, PoisonDef {
  /** Id of the node. */
  id?: string;
  org: string;
  transport?: string;
  channel?: string;
  replayFrom?: string;
  staleReplay?: string;
  maxInFlight?: number | string;
  dedupeWindow?: number | string;
  /** Id of the config node of the database that stores the position. Blank: a file. */
  store?: string;
  /** Name of the position. Blank: the id of the node. */
  listener?: string;
  standby?: boolean;
  /** In seconds. */
  leaseTime?: number | string;
  startPaused?: boolean;
  declareTopic?: boolean;
  topicQuery?: string;
  topicOperations?: string[];
  topicFields?: string;
}

/** The PushTopic that the node creates, or changes if it differs. */
export type TopicSettings = Omit<PushTopicDeclaration, "apiVersion">;

/** The checked settings of a `salesforce listen` node, with all defaults. */
export interface NodeSettings extends ListenSettings {
  /** Name of the position. */
  listener: string;
  /** Id of the config node of the database that stores the position. Blank: a file. */
  store: string;
  standby: boolean;
  /** In ms. */
  leaseTime: number;
  startPaused: boolean;
  /** Created or changed before the node subscribes to it. Absent: the PushTopic is left as it is. */
  topic?: TopicSettings;
}

const OPERATIONS: readonly TopicOperation[] = ["create", "update", "delete", "undelete"];

/** Reads the settings of a `salesforce listen` node and sets the defaults. @throws ConnectorError `NOT_CONFIGURED` when one is missing or wrong */
export function readSettings(def: ListenDef): NodeSettings {
  const channel = textIn(def.channel);
  if (!/^(\/topic\/[^/?]+(\?.+)?|\/(event|data)\/[^/?]+|\/u(\/[^/?]+)+)$/.test(channel)) {
    throw notConfigured(channel ? `${channel} is no channel: write /event/Name__e, /data/CaseChangeEvent, /topic/Name or /u/name` : "No channel is given");
  }
  const transport = oneOf(def.transport, "Transport", ["cometd", "pubsub"], "cometd");
  if (transport === "pubsub" && !/^\/(event|data)\//.test(channel)) throw notConfigured("The Pub/Sub API has platform events (/event/…) and change events (/data/…) only");
  const store = def.store?.trim() ?? "";
  const standby = def.standby === true;
  if (standby && !store) throw notConfigured("Instances that stand by need a database to agree in: choose one under Position");
  const topic = readTopic(def, channel);
  return {
    transport,
    channel,
    replayFrom: oneOf(def.replayFrom, "Begin", ["stored", "new", "all"], "stored"),
    staleReplay: oneOf(def.staleReplay, "If lost", ["all", "new", "stop"], "all"),
    maxInFlight: wholeNumber(def.maxInFlight, "In flow", { fallback: 200, min: 1, max: 10_000 }),
    dedupeWindow: wholeNumber(def.dedupeWindow, "Repeats", { fallback: 10_000, max: 100_000 }),
    listener: textIn(def.listener) || def.id || "listen",
    store,
    standby,
    leaseTime: 1_000 * wholeNumber(def.leaseTime, "Take over", { fallback: 30, min: 1, max: 3600 }),
    startPaused: def.startPaused === true,
    ...(topic ? { topic } : {}),
    ...readDeliverySettings(def),
    ...readPoisonSettings(def),
  };
}

function readTopic(def: ListenDef, channel: string): TopicSettings | undefined {
  const name = /^\/topic\/([^/?]+)/.exec(channel)?.[1];
  if (def.declareTopic !== true || name === undefined) return undefined;
  const query = textIn(def.topicQuery);
  if (!query) throw notConfigured("The PushTopic needs its query");
  const operations = OPERATIONS.filter((operation) => (def.topicOperations ?? OPERATIONS).includes(operation));
  if (operations.length === 0) throw notConfigured("The PushTopic needs something to tell of: create, update, delete or undelete");
  return { name, query, operations, fields: oneOf(def.topicFields, "Fields", ["Referenced", "All", "Select", "Where"], "Referenced") };
}

function notConfigured(text: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", text);
}
