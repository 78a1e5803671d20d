import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import { type DeliveryDef, type DeliverySettings, readDeliverySettings } from "../../delivery/delivery-settings";
import type { FieldRow } from "../client/mapping";
import type { RoutingRules } from "../client/routing/interaction";
import type { QueueRoute, RouteSource } from "../client/routing/watched-queues";

/** The properties that the editor saves. Numbers may be texts: as typed, or from environment variables. Times are in ms unless noted. */
export interface RouteDef extends DeliveryDef {
  /** Id of the node. */
  id?: string;
  org: string;
  routes?: QueueRoute[];
  /** `node` or `object`. */
  routesFrom?: string;
  routesObject?: string;
  queueField?: string;
  workgroupField?: string;
  refresh?: number | string;
  skillsField?: string;
  onNew?: boolean;
  onOwner?: boolean;
  onQueue?: boolean;
  onComment?: boolean;
  onEmail?: boolean;
  directToQueue?: boolean;
  disconnectOnReply?: boolean;
  answerTimeout?: number | string;
  markObject?: string;
  markCaseField?: string;
  markFields?: FieldRow[];
  startQuery?: boolean;
  /** Id of the config node of the database that stores the cases. Blank: a file. */
  store?: string;
  /** The name under which the cases are stored. Blank: the id of the node. */
  stateName?: string;
  standby?: boolean;
  /** In seconds. */
  leaseTime?: number | string;
}

/** The checked settings, with all defaults. Times are in ms. */
export interface RouteSettings extends DeliverySettings {
  /** The name under which the cases are stored. Instances with the same name share them. */
  stateName: string;
  source: RouteSource;
  refresh: number;
  /** API name of the field with the skills. Blank: none. */
  skillsField: string;
  rules: RoutingRules;
  directToQueue: boolean;
  markObject: string;
  markCaseField: string;
  /** Empty: nothing is marked. */
  markFields: FieldRow[];
  startQuery: boolean;
  store: string;
  standby: boolean;
  leaseTime: number;
}

const API_NAME = /^[A-Za-z]\w*$/;

/** Reads the settings of a `salesforce route` node and sets the defaults. @throws ConnectorError `NOT_CONFIGURED` when one is missing or wrong */
export function readSettings(def: RouteDef): RouteSettings {
  const store = def.store?.trim() ?? "";
  const standby = def.standby === true;
  if (standby && !store) throw notConfigured("Instances that stand by need a database to agree in: choose one");
  const markFields = (def.markFields ?? []).filter(({ field }) => field?.trim());
  const markObject = apiName(textIn(def.markObject) || "Case", "the object to mark");
  const skillsField = textIn(def.skillsField ?? "ObjectRouting_Skills__c");
  const isCase = markObject.toLowerCase() === "case";
  return {
    stateName: textIn(def.stateName) || def.id || "route",
    source: readSource(def),
    refresh: wholeNumber(def.refresh, "Look again", { fallback: 300_000, min: 1, max: 86_400_000 }),
    skillsField: skillsField && apiName(skillsField, "the field with the skills"),
    rules: {
      onNew: def.onNew !== false,
      onOwner: def.onOwner !== false,
      onQueue: def.onQueue !== false,
      onComment: def.onComment !== false,
      onEmail: def.onEmail !== false,
      disconnectOnReply: def.disconnectOnReply !== false,
      answerTimeout: wholeNumber(def.answerTimeout, "Give up", { fallback: 300_000, min: 1, max: 86_400_000 }),
    },
    directToQueue: def.directToQueue === true,
    markObject,
    markCaseField: isCase || markFields.length === 0 ? "" : apiName(textIn(def.markCaseField), `the field of ${markObject} that holds the case's id`),
    markFields,
    startQuery: def.startQuery !== false,
    store,
    standby,
    leaseTime: 1_000 * wholeNumber(def.leaseTime, "Take over", { fallback: 30, min: 1, max: 3600 }),
    ...readDeliverySettings(def),
  };
}

function readSource(def: RouteDef): RouteSource {
  if (oneOf(def.routesFrom, "Listed", ["node", "object"], "node") === "object") {
    return {
      from: "object",
      object: apiName(textIn(def.routesObject), "the object with the routes"),
      queueField: apiName(textIn(def.queueField), "the field with the queue's name"),
      workgroupField: apiName(textIn(def.workgroupField), "the field with the work group"),
    };
  }
  const routes = (def.routes ?? []).map(({ queue, workgroup }) => ({ queue: textIn(queue), workgroup: textIn(workgroup) })).filter(({ queue, workgroup }) => queue || workgroup);
  if (routes.length === 0) throw notConfigured("No queue is watched: give one at least, and the work group that serves it");
  const half = routes.find(({ queue, workgroup }) => !queue || !workgroup);
  if (half) throw notConfigured(`A route needs a queue and a work group; one has only "${half.queue || half.workgroup}"`);
  const names = routes.map(({ queue }) => queue);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw notConfigured(`The queue ${twice} has two work groups`);
  return { from: "node", routes };
}

/** Checks an API name, which becomes part of a query. */
function apiName(value: string, what: string): string {
  if (API_NAME.test(value)) return value;
  throw notConfigured(value ? `${value} is no API name: ${what}` : `The API name is missing: ${what}`);
}

function notConfigured(text: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", text);
}
