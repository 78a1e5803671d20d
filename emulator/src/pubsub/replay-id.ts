/** How many bytes the number has, and how many bytes follow it, which have always been zero. */
const [NUMBER, REST] = [8, 2];

/** Returns a replay id as it is sent: the number, highest byte first, and two bytes of zero. */
export function encodeReplayId(replayId: number): Buffer {
  const bytes = Buffer.alloc(NUMBER + REST);
  bytes.writeBigUInt64BE(BigInt(replayId));
  return bytes;
}

/** Returns the replay id of these bytes. Some clients leave the zeros at the end out. @returns `undefined` if it cannot be a replay id of the org */
export function decodeReplayId(bytes: Uint8Array): number | undefined {
  if (bytes.length !== NUMBER && bytes.length !== NUMBER + REST) return undefined;
  if (bytes.subarray(NUMBER).some((byte) => byte !== 0)) return undefined;
  const replayId = Number(Buffer.from(bytes).readBigUInt64BE());
  return Number.isSafeInteger(replayId) ? replayId : undefined;
}
