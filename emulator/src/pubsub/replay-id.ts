/** A replay id as it goes over the wire: 8 bytes, the highest first. */
export function encodeReplayId(replayId: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(replayId));
  return bytes;
}

/** The replay id of these bytes; undefined when it can be none of the org's. */
export function decodeReplayId(bytes: Uint8Array): number | undefined {
  if (bytes.length !== 8) return undefined;
  const replayId = Number(Buffer.from(bytes).readBigUInt64BE());
  return Number.isSafeInteger(replayId) ? replayId : undefined;
}
