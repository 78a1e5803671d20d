/** Bytes of the number, and of what stands behind it and was always zero. */
const [NUMBER, REST] = [8, 2];

/** A replay id as it goes over the wire: a number, the highest byte first, and two bytes of zero. */
export function encodeReplayId(replayId: number): Buffer {
  const bytes = Buffer.alloc(NUMBER + REST);
  bytes.writeBigUInt64BE(BigInt(replayId));
  return bytes;
}

/** The replay id of these bytes, with the zeros at their end or, as some clients send it, without; undefined when it can be none of the org's. */
export function decodeReplayId(bytes: Uint8Array): number | undefined {
  if (bytes.length !== NUMBER && bytes.length !== NUMBER + REST) return undefined;
  if (bytes.subarray(NUMBER).some((byte) => byte !== 0)) return undefined;
  const replayId = Number(Buffer.from(bytes).readBigUInt64BE());
  return Number.isSafeInteger(replayId) ? replayId : undefined;
}
