import type { BusEvent, Channel } from "../events/bus-event";
import type { Org } from "../org";
import { ERRORS, members, Refusal, type Message } from "./bayeux";
import { topicFilter } from "./topic-filter";

/** A subscription of a client. */
export interface StreamSubscription {
  /** The channel as the client has written it, with its query. */
  name: string;
  wants(event: BusEvent): boolean;
}

/** A subscription and the events with which it begins. */
export interface Subscribed {
  subscription: StreamSubscription;
  /** The events after the replay id that the client has given, oldest first. */
  replayed: BusEvent[];
}

/** Values with a special meaning instead of a replay id. */
const NEW_ONLY = -1;
const ALL_RETAINED = -2;

/** Checks a `/meta/subscribe` and returns the subscription. @throws Refusal */
export function subscribe(org: Org, message: Message): Subscribed {
  const name = channelName(message);
  const [path, query] = name.split(/\?(.*)/s) as [string, string | undefined];
  const channel = org.events.channel(path);
  if (!channel || (query !== undefined && channel.kind !== "topic")) throw noChannel(org, query === undefined ? path : name);
  const passes = query === undefined ? undefined : topicFilter(query, channel.fields ?? []);
  const wants = (event: BusEvent): boolean => channel.has(event) && (!passes || event.kind !== "topic" || passes(event.sobject));
  const after = startOf(org, channel, members(message["ext"])["replay"]);
  return { subscription: { name, wants }, replayed: after === undefined ? [] : org.events.read(channel, after).filter(wants) };
}

/** Returns the channel that a message names in `subscription`. @throws Refusal */
export function channelName(message: Message): string {
  const name = message["subscription"];
  if (typeof name !== "string" || name === "") throw new Refusal(ERRORS.noChannel);
  if (!name.startsWith("/")) throw new Refusal("400::Channel subscriptions must start with a leading '/'");
  if (/^\/(?:meta|service)\/|\*/.test(name)) throw new Refusal("403::Restricted channel");
  return name;
}

/** Returns the replay id after which a subscription begins; `undefined` if it begins now. @throws Refusal */
function startOf(org: Org, channel: Channel, replay: unknown): number | undefined {
  if (replay === undefined) return undefined;
  const map = members(replay);
  const value = map[channel.name];
  if (value === undefined) {
    throw new Refusal(
      `400::The replayId for channel {${channel.name}} wasn't found using the provided replay ID map {${javaMap(map)}}. ` +
        "Ensure that the channel name you provided in the replay map is valid and matches the channel name used for subscribing.",
    );
  }
  if (value === NEW_ONLY) return undefined;
  if (value === ALL_RETAINED) return 0;
  if (typeof value === "number" && org.events.knows(channel, value)) return value;
  throw new Refusal(
    `400::The replayId {${javaText(value)}} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.`,
  );
}

/** Returns the error for a channel that does not exist. It depends on the kind of channel. */
function noChannel(org: Org, name: string): Refusal {
  if (/^\/(?:topic|event|data)\//.test(name)) return new Refusal(`400::The channel you requested to subscribe to doesn’t exist {${name}}`);
  if (!name.startsWith("/u/")) return new Refusal(`403::Cannot create channel {${name}}`);
  const object = org.schema.object("StreamingChannel");
  const others = object ? [...org.store.table(object).all()].filter((row) => !row.IsDeleted) : [];
  if (others.some((row) => String(row["Name"]).toLowerCase() === name.toLowerCase())) {
    return new Refusal("404::channel names may not vary only by case");
  }
  return new Refusal("404::Unknown channel");
}

/** Returns a map as Java prints it, for example `{/event/B__e=-1}`. */
function javaMap(map: Record<string, unknown>): string {
  return `{${Object.entries(map).map(([key, value]) => `${key}=${javaText(value)}`).join(", ")}}`;
}

function javaText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
