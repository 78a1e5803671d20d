import { textIn } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import type { Format } from "../../format/format";
import { checkDestination, nameOf } from "../client/publishing/destination";
import { checkName } from "../client/queue-settings";
import type { Target } from "./copies";
import type { RedriveOrder, RedriveSettings } from "./redrive-run";

/** What the editor saves. Numbers may be text, as typed or taken from the environment. A property `x` that has an `xType` is a typed input. */
export interface RedriveDef {
  broker: string;
  /** The dead-letter queue. */
  queue: string;
  limit?: number | string;
  limitType?: string;
  /** Per second; blank for no limit. */
  rate?: number | string;
  target?: string;
  targetExchange?: string;
  targetExchangeType?: string;
  targetRoutingKey?: string;
  targetRoutingKeyType?: string;
  /** A JSONata expression; blank for all dead letters. */
  filter?: string;
  dryRun?: boolean | string;
  dryRunType?: string;
  maxRedrives?: number | string;
  parkingQueue?: string;
  format?: string;
}

/** The typed inputs, as evaluated for the message that starts a run. */
export interface OrderValues {
  limit: unknown;
  dryRun: unknown;
  targetExchange: unknown;
  targetRoutingKey: unknown;
}

const FORMATS: readonly Format[] = ["auto", "json", "text", "buffer"];
const TARGETS: readonly Target["kind"][] = ["origin", "exchange", "given"];

/** The settings of an `amqp redrive`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: RedriveDef): RedriveSettings & { target: Target["kind"] } {
  const queue = textIn(def.queue);
  if (!queue) throw new ConnectorError("NOT_CONFIGURED", "No dead-letter queue is given");
  const parkingQueue = textIn(def.parkingQueue) || `${queue}.parking`;
  checkName(queue, "name of the dead-letter queue");
  checkName(parkingQueue, "name of the parking queue");
  if (parkingQueue === queue) throw new ConnectorError("NOT_CONFIGURED", "The parking queue is the dead-letter queue itself");
  return {
    queue,
    rate: readRate(def.rate),
    maxRedrives: wholeNumber(def.maxRedrives, "Repeats", { fallback: 3, max: 1000 }),
    parkingQueue,
    format: oneOf(def.format, "Content", FORMATS, "auto"),
    target: oneOf(def.target, "Back to", TARGETS, "origin"),
  };
}

/** The order for a run, from the message that starts it. @throws ConnectorError INPUT_INVALID */
export function readOrder(kind: Target["kind"], values: OrderValues): RedriveOrder {
  return { limit: readLimit(values.limit), dryRun: readDryRun(values.dryRun), target: readTarget(kind, values) };
}

function readRate(value: RedriveDef["rate"]): number | undefined {
  if (value === undefined || value === "") return undefined;
  const rate = Number(value);
  if (rate > 0 && Number.isFinite(rate)) return rate;
  throw new ConnectorError("NOT_CONFIGURED", `The rate is ${value}, not a number above 0`);
}

function readLimit(value: unknown): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const limit = typeof value === "string" ? Number(value) : value;
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1) return limit;
  throw new ConnectorError("INPUT_INVALID", `The limit is ${show(value)}, not a whole number from 1`);
}

/** False only for nothing, `false`, "" and "false", so that no other value moves anything by mistake. */
function readDryRun(value: unknown): boolean {
  return !(value === undefined || value === null || value === false || value === "" || value === "false");
}

function readTarget(kind: Target["kind"], { targetExchange, targetRoutingKey }: OrderValues): Target {
  if (kind !== "given") return { kind };
  const given = { exchange: nameOf(targetExchange, "exchange"), routingKey: nameOf(targetRoutingKey, "routing key") };
  checkDestination(given, "INPUT_INVALID");
  return { kind, ...given };
}

function show(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : `of type ${typeof value}`;
}
