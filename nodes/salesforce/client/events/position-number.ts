import type { TransportName } from "./org-streams";

/** A replay id of the Pub/Sub API in hex: eight bytes of the number, and two that were always zero. Who asks may leave those out, as it gives them no meaning. */
const HEX = /^([\da-f]{16})(?:0000)?$/i;

/**
 * The number of a position: the replay id. Whoever goes by it must do without where there is none, since the API calls its ids opaque.
 *
 * @param position as the transport gave it: decimal digits over CometD, bytes in hex over Pub/Sub
 */
export function positionNumber(position: string, transport: TransportName): bigint | undefined {
  if (transport === "cometd") return /^\d+$/.test(position) ? BigInt(position) : undefined;
  const digits = HEX.exec(position)?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}

/** The same position for the other transport; undefined when it has another form than today's. */
export function convertPosition(position: string, from: TransportName, to: TransportName): string | undefined {
  if (from === to) return position;
  const number = positionNumber(position, from);
  if (number === undefined) return undefined;
  return to === "cometd" ? String(number) : number.toString(16).padStart(16, "0");
}
