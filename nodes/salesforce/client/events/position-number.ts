import type { TransportName } from "./org-streams";

/** Bytes of a replay id of the Pub/Sub API, as it gives them today. */
const BYTES = 8;

/** Those bytes in hex. */
const HEX = new RegExp(`^[\\da-f]{${2 * BYTES}}$`, "i");

/**
 * The number of a position: the replay id. Whoever goes by it must do without where there is none, since the API calls its ids opaque.
 *
 * @param position as the transport gave it: decimal digits over CometD, bytes in hex over Pub/Sub
 */
export function positionNumber(position: string, transport: TransportName): bigint | undefined {
  if (transport === "cometd") return /^\d+$/.test(position) ? BigInt(position) : undefined;
  return HEX.test(position) ? BigInt(`0x${position}`) : undefined;
}

/** The same position for the other transport; undefined when it has another form than today's. */
export function convertPosition(position: string, from: TransportName, to: TransportName): string | undefined {
  if (from === to) return position;
  const number = positionNumber(position, from);
  if (number === undefined) return undefined;
  return to === "cometd" ? String(number) : number.toString(16).padStart(2 * BYTES, "0");
}
