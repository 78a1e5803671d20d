import type { Channel } from "amqplib";
import { within } from "../../../common/deadline";
import { unanswered } from "../connection/supervised-channel";

/** How many times the period for an answer may pass while messages still arrive. */
const TURNS = 20;

/** The method of amqplib's channel that receives the broker's frames. It is not part of its types. */
interface FrameTaker {
  accept(frame: unknown): unknown;
}

/**
 * Waits for the answer to a request on a channel on which messages may be on their way: the answer arrives after them, so the wait goes on as long as a slow line
 * still brings messages.
 *
 * @param ms how long to wait while nothing arrives on the channel
 * @throws what the request rejects with; {@link unanswered} when the answer does not arrive in time
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

/** Counts the frames that arrive on a channel from now on. Traffic on other channels of the connection does not show that this one is making progress. */
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
