import type { DeliverySettings, PoisonSettings } from "../../../delivery/delivery-settings";
import type { TransportName } from "./org-streams";

/** Where a listener begins: behind the stored position, with events that come from now on, or with all that the org retains. */
export type ReplayFrom = "stored" | "new" | "all";

/** Settings of a listener to a channel, normalised. Times in ms. */
export interface ListenSettings extends DeliverySettings, PoisonSettings {
  transport: TransportName;
  /** The channel, with its filter if it has one: `/topic/Open?Status='New'`. */
  channel: string;
  replayFrom: ReplayFrom;
  /** What to do when the org no longer knows the stored position: read all that it retains, read only new events, or stop. */
  staleReplay: "all" | "new" | "stop";
  /** How many events may be in the flow at the same time. */
  maxInFlight: number;
  /** How many of the last events are remembered, so that a repeat of one is recognized. 0: none. */
  dedupeWindow: number;
}

/** The channel without its filter: positions are those of the whole channel. */
export function channelName(channel: string): string {
  return channel.split("?", 1)[0] ?? channel;
}

const HOUR = 3_600_000;

/** How long the org keeps the events of a channel, in ms (Streaming API, Message Durability). */
export function retentionOf(channel: string): number {
  return /^\/(topic|u)\//.test(channel) ? 24 * HOUR : 72 * HOUR;
}
