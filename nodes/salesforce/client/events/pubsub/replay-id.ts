import { positionNumber } from "../position-number";

/** A replay id as text to be kept: its bytes in hex. */
export function positionOf(replayId: Uint8Array): string {
  return Buffer.from(replayId.buffer, replayId.byteOffset, replayId.byteLength).toString("hex");
}

/** The bytes of a position; undefined when it is none of ours. */
export function replayIdOf(position: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})+$/i.test(position) ? Buffer.from(position, "hex") : undefined;
}

/** A position for people: CometD gives the same number for the same event. */
export function decimalOf(position: string): string {
  return position === "" ? "" : String(positionNumber(position, "pubsub") ?? BigInt(`0x${position}`));
}
