/** Salesforce record ids have 15 base62 characters, which are case-sensitive, or 18 with a checksum that makes up for lost upper and lower case. */

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const SHAPE = /^[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?$/;

/** Returns the 18-character form of a 15-character id. */
export function toLongId(id: string): string {
  let suffix = "";
  for (let group = 0; group < 15; group += 5) {
    let bits = 0;
    for (let i = 0; i < 5; i++) {
      const character = id.charCodeAt(group + i);
      if (character >= 65 && character <= 90) bits |= 1 << i;
    }
    suffix += CHECKSUM.charAt(bits);
  }
  return id.slice(0, 15) + suffix;
}

/** Returns the 18-character form of an id. `undefined` if the value is not an id or its checksum is wrong. */
export function parseId(value: string): string | undefined {
  if (!SHAPE.test(value)) return undefined;
  const long = toLongId(value);
  return value.length === 15 || value === long ? long : undefined;
}

/** Makes rising ids, with one counter per key prefix. */
export class IdSequence {
  private readonly counters = new Map<string, number>();

  private readonly pod: string;

  /** @param org number of the org, 0–61. It is a part of the ids, so that two orgs of one process never share one. */
  constructor(org = 0) {
    this.pod = `SW${BASE62.charAt(org % BASE62.length)}`;
  }

  /** Returns the next 18-character id with this three-character prefix. */
  next(prefix: string): string {
    let count = (this.counters.get(prefix) ?? 0) + 1;
    this.counters.set(prefix, count);
    let tail = "";
    for (; count > 0; count = Math.floor(count / 62)) tail = BASE62.charAt(count % 62) + tail;
    return toLongId(prefix + this.pod + tail.padStart(9, "0"));
  }
}
