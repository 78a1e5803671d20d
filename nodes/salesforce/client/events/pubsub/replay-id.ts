import { positionNumber } from "../position-number";

/** A replay id as a position to be stored: its bytes in hex. */
export function positionOf(replayId: Uint8Array): string {
  return Buffer.from(replayId.buffer, replayId.byteOffset, replayId.byteLength).toString("hex");
}

/** The replay id of a position; `undefined` when the text is not hex. */
export function replayIdOf(position: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})+$/i.test(position) ? Buffer.from(position, "hex") : undefined;
}

/** A position as a decimal number, for people: the same number that CometD gives for the event. */
export function decimalOf(position: string): string {
  return position === "" ? "" : String(positionNumber(position, "pubsub") ?? BigInt(`0x${position}`));
}
