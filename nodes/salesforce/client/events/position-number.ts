import type { TransportName } from "./org-streams";

/**
 * A replay id of the Pub/Sub API in hex: eight bytes that hold the number, then two bytes that have always been zero. A request may leave out those two, as
 * the API gives them no meaning.
 */
const HEX = /^([\da-f]{16})(?:0000)?$/i;

/**
 * The number of a position, which is the replay id. Callers must also work without it, since the API calls its ids opaque and their form may change.
 *
 * @param position as the transport gave it: decimal digits over CometD, bytes in hex over Pub/Sub
 */
export function positionNumber(position: string, transport: TransportName): bigint | undefined {
  if (transport === "cometd") return /^\d+$/.test(position) ? BigInt(position) : undefined;
  const digits = HEX.exec(position)?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}

/** Converts a position to the form of another transport. @returns `undefined` when the position has a form that is not known here */
export function convertPosition(position: string, from: TransportName, to: TransportName): string | undefined {
  if (from === to) return position;
  const number = positionNumber(position, from);
  if (number === undefined) return undefined;
  return to === "cometd" ? String(number) : number.toString(16).padStart(16, "0");
}
