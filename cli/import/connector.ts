import { readBroker } from "./broker-access";
import { readOrgs } from "./connector-orgs";
import { caseProperties } from "./connector-cases";
import { normalise } from "./key-index";
import { BRIDGE_INDEX } from "./keys";
import { CONNECTOR_INDEX, type ConnectorKey, PARTS } from "./keys-connector";
import type { Planned } from "./kinds";
import { isObject, type Json } from "./json-text";
import { ImportError, type Note } from "./note";
import type { FlowPlan, PlannedNode } from "./plan";
import { subscription } from "./queue-source";
import type { Secrets } from "./secrets";
import { Settings } from "./settings";
import { debug, failures } from "./watching";

/** A division of a file. A key that it lacks is looked for in the tenant. */
export interface Division {
  name: string;
  settings: Settings<ConnectorKey>;
  /** Name of the queue that it gets messages from. */
  queue: string;
  /** Role of its org's config node. */
  org: string;
}

type JsonObject = Readonly<Record<string, Json>>;

interface Parts {
  tenant: { shown: string; value: Json };
  divisions: { shown: string; name?: string; value: Json }[];
  rest: JsonObject;
}

/** Whether a file is a device connector's, which has divisions. */
export function isConnector(file: Json): boolean {
  return partsOf(file) !== undefined;
}

/**
 * Plans the flow of a device connector: for each queue an `amqp in` and a `salesforce case` with the divisions that listen to it.
 *
 * @throws ImportError when there is nothing to make a flow from
 */
export function planConnector(file: Json, secrets: Secrets): Planned {
  const parts = partsOf(file);
  if (!parts || parts.divisions.length === 0) throw new ImportError("the section divisions is empty: each division has a queue, and there is none");
  const notes: Note[] = [];
  const whole = new Settings<ConnectorKey>(parts.rest, CONNECTOR_INDEX, undefined, notes);
  const tenant = new Settings<ConnectorKey>({ part: parts.tenant.value }, CONNECTOR_INDEX, parts.tenant.shown, notes);
  const read = parts.divisions.map(({ shown, name, value }, index) => {
    const settings = new Settings<ConnectorKey>({ part: value }, CONNECTOR_INDEX, shown, notes, tenant);
    const own = settings.isOwn("part.name") ? settings.text("part.name") : undefined;
    return { name: own ?? name ?? `division ${index + 1}`, settings };
  });
  checkNames(read, notes);
  const orgs = readOrgs(read, secrets);
  const divisions: Division[] = read.map((division, index) => ({ ...division, queue: queueOf(division), org: orgs.roles[index]! }));
  const nodes = nodesOf(divisions, tenant);
  nodes.push(debug("created", "cases", 1, false), ...failures(nodes));
  const broker = readBroker(tenant, secrets);
  const plan: FlowPlan = {
    name: whole.text("name") ?? tenant.text("part.name") ?? "Devices to cases",
    info: whole.text("description") ?? "",
    madeFrom: "a device connector's configuration",
    summary: summaryOf(divisions),
    steps: STEPS,
    nodes,
    configs: [{ role: "broker", type: "surewire-amqp-broker", name: "broker", ...broker }, ...orgs.configs],
  };
  for (const settings of [whole, tenant, ...read.map((division) => division.settings)]) settings.reportUnused("a device connector's flow");
  return { plan, notes };
}

const STEPS = [
  "Look at the fields of each *salesforce case*, and at the conditions of its divisions: a message goes to the first one that takes it.",
  "A message is off its queue when its case is in Salesforce. One that the org refuses ends in the dead-letter queue, with the reason in its headers.",
];

function nodesOf(divisions: readonly Division[], tenant: Settings<ConnectorKey>): PlannedNode[] {
  const queues = [...new Set(divisions.map(({ queue }) => queue))];
  return queues.flatMap((queue, index): PlannedNode[] => {
    const those = divisions.filter((division) => division.queue === queue);
    const [first, ...others] = those.map(({ settings }) => subscription(settings, queue) as Record<string, unknown> & { bindings?: object[] });
    const bindings = [first!, ...others].flatMap((each) => each.bindings ?? []);
    const [source, target] = [`source-${index + 1}`, `case-${index + 1}`];
    const name = those.length === 1 ? `open a case for ${those[0]!.name}` : "open a case";
    return [
      { role: source, type: "surewire-amqp-in", name: queue, row: index + 1, to: [[target]], properties: { ...first, broker: "broker", bindings: distinct(bindings), ...contentOf(those[0]!) } },
      { role: target, type: "surewire-salesforce-case", name, row: index + 1, to: [["created"]], properties: caseProperties(those, tenant, divisions) },
    ];
  });
}

function distinct<T extends object>(rows: readonly T[]): T[] {
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
}

function contentOf({ settings }: Division): Record<string, unknown> {
  const word = settings.text("case.format")?.toLowerCase();
  if (word === undefined || word.includes("json")) return word === undefined ? {} : { format: "json" };
  if (word.includes("xml")) return { format: "xml" };
  if (/text|plain/.test(word)) return { format: "text" };
  settings.note("case.format", "json, xml or text is expected; left to be told by the content", "dropped");
  return {};
}

/** Returns the name of a division's queue. If the file names none, a queue is made for the division and bound to its exchange. Empty when it has no exchange either. */
function queueOf({ name, settings }: Pick<Division, "name" | "settings">): string {
  const named = settings.text("broker.source.queue");
  if (named !== undefined) return named;
  const exchange = settings.text("broker.source.exchange");
  if (exchange === undefined) {
    settings.note("broker.source.queue", `${name} has neither queue nor exchange: enter a queue in the form of amqp in`);
    return "";
  }
  const queue = `${exchange}.${name}`;
  settings.note("broker.source.queue", `${name} names no queue: ${queue} is made and bound to the exchange`);
  return queue;
}

function checkNames(divisions: readonly { name: string; settings: Settings<ConnectorKey> }[], notes: Note[]): void {
  const names = divisions.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) notes.push({ path: "divisions", kind: "check", text: `${twice} is the name of more than one` });
}

function summaryOf(divisions: readonly Division[]): string {
  const queues = [...new Set(divisions.map(({ queue }) => queue))];
  const from = queues.length === 1 ? `the queue ${queues[0]}` : `${queues.length} queues`;
  return `Each device message of ${from} becomes a case of its division (${divisions.map(({ name }) => name).join(", ")}).`;
}

/** Finds the two sections; `undefined` without divisions. One object may be around the whole file, and the divisions may be within the tenant. */
function partsOf(file: Json): Parts | undefined {
  if (!isObject(file)) return undefined;
  const found = sectionsOf(file);
  if (found) return found;
  const inner = Object.entries(file).filter(([, value]) => isObject(value));
  const [[wrapper, only] = ["", null]] = inner;
  if (inner.length !== 1 || !isObject(only)) return undefined;
  const within = sectionsOf(only);
  if (!within || !isPart(wrapper, "tenant") || Object.keys(only).some((name) => isPart(name, "tenant"))) return within;
  return { ...within, tenant: { shown: wrapper, value: within.rest }, rest: {} };
}

function sectionsOf(object: JsonObject): Parts | undefined {
  const names = Object.keys(object);
  if (names.some((name) => BRIDGE_INDEX.sectionOf(name) === "database")) return undefined; // a bridge's file may have a key "sites", too
  const list = names.find((name) => isPart(name, "divisions"));
  if (list === undefined) return undefined;
  const tenant = names.find((name) => isPart(name, "tenant"));
  const rest = Object.fromEntries(Object.entries(object).filter(([name]) => name !== list && name !== tenant));
  const divisions = divisionsOf(list, object[list]!);
  return { tenant: { shown: tenant ?? "tenant", value: tenant === undefined ? {} : object[tenant]! }, divisions, rest };
}

function divisionsOf(section: string, value: Json): Parts["divisions"] {
  if (Array.isArray(value)) return value.map((each, index) => ({ shown: `${section}[${index}]`, value: each }));
  if (!isObject(value)) return [];
  // the object is one division, or holds each division by its name
  const entries = Object.values(value);
  return entries.length > 0 && entries.every((each) => !isObject(each)) ? [{ shown: section, value }] : Object.entries(value).map(([name, each]) => ({ shown: `${section}.${name}`, name, value: each }));
}

const isPart = (name: string, part: keyof typeof PARTS): boolean => PARTS[part].some((each) => normalise(each) === normalise(name));
