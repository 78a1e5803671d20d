import type { DeliverySettings, PoisonSettings } from "../../../delivery/delivery-settings";
import type { TransportName } from "./org-streams";

/** Where a listener begins: behind what is settled, with what comes from now on, or with all that the org has retained. */
export type ReplayFrom = "stored" | "new" | "all";

/** How a listener takes the events of a channel, normalised. Times in ms. */
export interface ListenSettings extends DeliverySettings, PoisonSettings {
  transport: TransportName;
  /** With its filter, where it has one: `/topic/Open?Status='New'`. */
  channel: string;
  replayFrom: ReplayFrom;
  /** What to do when the org no longer knows the stored position: read all it has, only what is new, or nothing. */
  staleReplay: "all" | "new" | "stop";
  /** Events in the flow at once at most. */
  maxInFlight: number;
  /** Events among which a repeat is known, 0 for none. */
  dedupeWindow: number;
}

/** The channel without its filter, by which its positions go. */
export function channelName(channel: string): string {
  return channel.split("?", 1)[0] ?? channel;
}
