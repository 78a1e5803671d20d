import { type AvroType, recordOf } from "./avro-value";

/** The fields of a change event's header that hold lists of fields, as bitmaps. */
export const BITMAP_LISTS = ["nulledFields", "diffFields", "changedFields"] as const;

/**
 * Gives the names of the fields in a list of a change event's header. `0x1a` has a bit for each field of the schema, the lowest for the first one; in
 * `3-0x2` the bits stand for the parts of field 3, such as `BillingAddress.City`.
 *
 * @param bitmaps the list as it was decoded
 * @param schema of the whole event
 */
export function fieldNames(bitmaps: unknown, schema: AvroType): string[] {
  if (!Array.isArray(bitmaps)) return [];
  return bitmaps.flatMap((entry) => {
    const [, parent, bits = ""] = /^(?:(\d+)-)?(0x[0-9a-f]+)$/i.exec(String(entry)) ?? [];
    if (bits === "") return [String(entry)]; // a name already
    if (parent === undefined) return namesIn(bits, schema);
    const field = schema.fields?.[Number(parent)];
    const parts = field && recordOf(field.type);
    return parts ? namesIn(bits, parts).map((name) => `${field.name}.${name}`) : [];
  });
}

function namesIn(bits: string, { fields = [] }: AvroType): string[] {
  const set = BigInt(bits);
  return fields.filter((_, index) => (set >> BigInt(index)) & 1n).map(({ name }) => name);
}
