import type { Channel } from "amqplib";
import { within } from "../../common/deadline";
import { unanswered } from "./supervised-channel";

/** So often the time for an answer may pass while messages come. */
const TURNS = 20;

/** The part of amqplib's channel that is given what the broker sends. It is not part of its types. */
interface FrameTaker {
  accept(frame: unknown): unknown;
}

/**
 * The answer to a request of a channel that messages may be on their way on, which come before it: as long as a slow line brings some, it may
 * be among them.
 *
 * @param ms that the answer may take where nothing comes on the channel
 * @throws what the request rejects with, and {@link unanswered} when the answer does not come in time
 */
export async function answerBehind<T>(request: Promise<T>, ms: number, channel: Channel): Promise<T> {
  const answered = request.then((value) => ({ value }));
  const arrivals = arrivalsOn(channel);
  for (let turn = 0, had = arrivals.frames; turn < TURNS; turn += 1) {
    const answer = await within(answered, ms);
    if (answer) return answer.value;
    if (arrivals.frames === had) break;
    had = arrivals.frames;
  }
  throw unanswered(ms);
}

const counted = new WeakMap<Channel, { frames: number }>();

/** Counts what comes on a channel from now on. Others on its connection, which may be busy, tell nothing of it. */
function arrivalsOn(channel: Channel): { frames: number } {
  const known = counted.get(channel);
  if (known) return known;
  const arrivals = { frames: 0 };
  counted.set(channel, arrivals);
  const taker = channel as unknown as FrameTaker;
  const { accept } = taker;
  taker.accept = (frame) => {
    arrivals.frames += 1;
    return accept.call(taker, frame);
  };
  return arrivals;
}
