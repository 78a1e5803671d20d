import type { Socket } from "node:net";
import type { Channel } from "amqplib";
import { within } from "../../common/deadline";

/** Bytes that messages on their way have in the time for an answer; heartbeats have less. */
const SOME = 64 * 1024;
/** So often the time for an answer may pass while they come. */
const TURNS = 20;

/**
 * The answer to a request of a channel that messages may be on their way on, which come before it: as long as a slow line brings some, it may
 * be among them.
 *
 * @param ms that the answer may take where nothing comes
 * @returns `undefined` when it does not come in time
 * @throws what the request rejects with
 */
export async function answerBehind<T>(request: Promise<T>, ms: number, channel: Channel): Promise<{ value: T } | undefined> {
  const answered = request.then((value) => ({ value }));
  for (let turn = 0, had = bytesRead(channel); turn < TURNS; turn += 1) {
    const answer = await within(answered, ms);
    const has = bytesRead(channel);
    if (answer || has - had < SOME) return answer;
    had = has;
  }
  return undefined;
}

/** What has come on the connection so far. The socket is not part of amqplib's types. */
function bytesRead(channel: Channel): number {
  return (channel as unknown as { connection: { stream: Socket } }).connection.stream.bytesRead;
}
