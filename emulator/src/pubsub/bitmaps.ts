import type { FieldPlace } from "../events/change-schema";

/**
 * Returns fields as the header of a change event names them, for example `["0x2080", "9-0x2"]`: a hexadecimal number with a bit for each field of the schema, the lowest
 * bit for the first field, and then one number for each compound field of which parts are named, after the index of the compound field.
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
