import type { FieldPlace } from "../events/change-schema";

/**
 * Fields as a change event's header names them: one hexadecimal number with a bit for each field of the schema, the lowest for the first, and behind it
 * one for each compound field of which parts are meant, with the compound's place before it: `["0x2080", "9-0x2"]`.
 */
export function bitmaps(places: ReadonlyMap<string, FieldPlace>, names: readonly string[]): string[] {
  let whole = 0n;
  const compounds = new Map<number, bigint>();
  for (const name of names) {
    const place = places.get(name);
    if (!place) continue;
    if (place.part) compounds.set(place.index, (compounds.get(place.index) ?? 0n) | (1n << BigInt(place.part.index)));
    else whole |= 1n << BigInt(place.index);
  }
  const inOrder = [...compounds].sort(([a], [b]) => a - b);
  return [...(whole === 0n ? [] : [hex(whole)]), ...inOrder.map(([index, bits]) => `${index}-${hex(bits)}`)];
}

const hex = (bits: bigint): string => `0x${bits.toString(16).toUpperCase()}`;
