import { isObject } from "./json-text";
import type { BROKER_KEYS } from "./keys-broker";
import type { Settings } from "./settings";

/** Full name of a key of the queue that messages are taken from. */
export type SourceKey = Exclude<Extract<keyof typeof BROKER_KEYS, `broker.source.${string}`>, "broker.source.count">;

/** The types of an exchange. */
export const EXCHANGE_TYPES: readonly string[] = ["topic", "direct", "fanout", "headers"];

/** A row of the list *Bind to exchanges* of `amqp in`. */
export interface Binding {
  exchange: string;
  exchangeType: string;
  routingKey: string;
}

/** Returns the properties of an `amqp in`. @param queue name of the queue; default: the one that the file names */
export function subscription(settings: Settings<SourceKey>, queue?: string): Record<string, unknown> {
  return {
    ...queueProperties(settings, ["quorum", "classic", "stream"], queue),
    bindings: bindings(settings),
    prefetch: prefetch(settings),
    consumerPriority: settings.number("broker.source.consumerPriority", -2_147_483_648, 2_147_483_647),
    singleActiveConsumer: settings.flag("broker.source.exclusive"),
  };
}

/** Returns the properties that `amqp in` and `amqp get` have in common. @param types the types of queues that the node can use */
export function queueProperties(settings: Settings<SourceKey>, types: readonly string[], known?: string): Record<string, unknown> {
  const queue = known ?? settings.text("broker.source.queue");
  if (queue === undefined) settings.note("broker.source.queue", "no queue is named: enter it in the form");
  const type = settings.text("broker.source.queueType")?.toLowerCase();
  if (type !== undefined && !types.includes(type)) settings.note("broker.source.queueType", `${types.join(" or ")} is expected; left at quorum`, "dropped");
  const given = settings.json("broker.source.arguments");
  if (given !== undefined && !isObject(given)) settings.note("broker.source.arguments", "names with values are expected; left out", "dropped");
  return {
    broker: "broker",
    queue: queue ?? "",
    declare: declareOf(settings, "broker.source.declare", "broker.source.passive"),
    queueType: type !== undefined && types.includes(type) ? type : undefined,
    arguments: isObject(given) ? given : undefined,
    deadLetterQueue: settings.text("broker.source.deadLetterQueue"),
    retries: settings.number("broker.source.retries", 0, 50),
    retryDelay: settings.duration("broker.source.retryDelay", 1, 86_400_000, true),
  };
}

/** Returns `existing` when one of the two keys says that missing queues or exchanges are not made; else `undefined`, for the default: they are made. */
export function declareOf<N extends string>(settings: Settings<N>, declare: N, passive: N): "existing" | undefined {
  const isPassive = settings.flag(passive);
  return (settings.flag(declare) ?? !isPassive) ? undefined : "existing";
}

/** Returns the prefetch count. 0 meant "no limit" in old files; that and a count over 65,535 give `undefined` with a note, since the node always has a limit. */
function prefetch(settings: Settings<SourceKey>): number | undefined {
  const count = settings.number("broker.source.prefetch", 0, 1_000_000);
  if (count === undefined || (count >= 1 && count <= 65_535)) return count;
  settings.note("broker.source.prefetch", "there is a limit always: left at its default", "dropped");
  return undefined;
}

/** Returns the bindings of one subscription, one for each routing key; `undefined` without an exchange. */
function bindings(settings: Settings<SourceKey>): Binding[] | undefined {
  const exchange = settings.text("broker.source.exchange");
  const keys = settings.words("broker.source.routingKey");
  const kind = settings.text("broker.source.exchangeType")?.toLowerCase();
  if (exchange === undefined) return undefined;
  const type = kind !== undefined && EXCHANGE_TYPES.includes(kind) ? kind : "topic";
  if (kind !== undefined && kind !== type) settings.note("broker.source.exchangeType", "topic, direct, fanout or headers is expected; topic was taken", "dropped");
  return (keys.length > 0 ? keys : [""]).map((routingKey) => ({ exchange, exchangeType: type, routingKey }));
}
