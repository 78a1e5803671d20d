import { DeadLetters } from "../../../delivery/dead-letters";
import type { NodeName } from "../../../delivery/outcome";
import { Room } from "../../../delivery/room";
import { RowDeliveries, type RowPoison } from "../../../delivery/row-deliveries";
import type { TrackedRuntime } from "../../../delivery/runtime";
import { eventMessage } from "./event-message";
import type { EventPosition } from "./event-position";
import type { StreamEvent } from "./event-stream";
import { channelName, type ListenSettings } from "./listen-settings";
import { positionNumber } from "./position-number";
import { RecentEvents } from "./recent-events";

/** What {@link EventIntake} needs. */
export interface EventIntakeOptions {
  settings: ListenSettings;
  node: NodeName;
  runtime: TrackedRuntime;
  position: EventPosition;
  /** Where marks are kept of events that end the process; absent: nobody looks for these. */
  poison: RowPoison | undefined;
  /** Puts out a message. @param output from 0 */
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  /** A sink waits for its system, by this reason; or none does any more. */
  onHold(reason: string | undefined): void;
  /** Dead letters go nowhere, or do so no more. */
  onStuck(stuck: boolean): void;
  /** An event has left the flow. */
  onSettled(): void;
  warn(text: string): void;
}

/** Where dead letters go. */
const DEAD_LETTERS = 1;

/** Takes events into the flow, each as a delivery, and notes how far they are settled. A repeat goes no further. */
export class EventIntake {
  private readonly channel: string;
  private readonly flow: Room;
  private readonly deliveries: RowDeliveries;
  private readonly deadLetters: DeadLetters;
  private recent: RecentEvents;
  /** Events in the flow by their ids, and what is to be called when one is settled: a repeat holds a place, too, until its first is. */
  private readonly open = new Map<string, (() => void)[]>();
  /** Of the event that came last. */
  private last: string | undefined;

  constructor(private readonly options: EventIntakeOptions) {
    const { settings, node, runtime, poison, send, isWired, onHold, onStuck, warn } = options;
    this.channel = channelName(settings.channel);
    this.recent = new RecentEvents(settings.dedupeWindow);
    this.flow = new Room(settings.maxInFlight);
    this.deliveries = new RowDeliveries({ settings, node, runtime, room: this.flow, poison, send, isWired, onHold, onResume: () => onHold(undefined), warn });
    this.deadLetters = new DeadLetters({
      room: this.flow,
      deliveries: () => this.deliveries,
      output: DEAD_LETTERS,
      isWired: () => isWired(DEAD_LETTERS),
      onStuck,
      delay: settings.retryMaxDelay,
      warn,
    });
  }

  /** Events in the flow, or on their way back into it. */
  get openCount(): number {
    return this.flow.taken;
  }

  /** How many more it takes. */
  get free(): number {
    return this.flow.free;
  }

  /** Dead letters that go nowhere. */
  get stuckCount(): number {
    return this.deadLetters.waiting;
  }

  /** Ids of the events that it remembers and that are not in the flow. */
  get settled(): string[] {
    return this.recent.ids.filter((id) => !this.open.has(id));
  }

  /** Where to go on behind all that it has taken; undefined while it has taken nothing. */
  get taken(): string | undefined {
    return this.last;
  }

  /** To be awaited before the first event is taken. */
  start(): Promise<void> {
    return this.deliveries.begin();
  }

  /** Takes an event, unless it is a repeat, or older than `notBefore` (ms since the epoch). @returns whether it was older */
  take(event: StreamEvent, notBefore?: number): boolean {
    const id = idOf(event);
    const isOld = notBefore !== undefined && event.createdDate !== undefined && Date.parse(event.createdDate) < notBefore;
    if (isOld) this.passOver(event.position);
    else if (!this.recent.add(id)) this.pass(event.position, id);
    else {
      this.last = event.position;
      this.hand(event, id);
    }
    return isOld;
  }

  /** These were settled before: they are repeats when they come. */
  know(ids: readonly string[]): void {
    for (const id of ids) this.recent.add(id);
  }

  /** There is nothing more up to here. */
  idle(position: string): void {
    this.last = position;
    this.options.position.idle(position);
  }

  /** The channel is read from elsewhere. @param repeats whether what came before counts as a repeat */
  begin(repeats: boolean): void {
    this.last = undefined;
    if (!repeats) this.recent = new RecentEvents(this.options.settings.dedupeWindow);
  }

  /** Wires may have changed. */
  rewired(): void {
    this.deadLetters.look();
  }

  /** Takes nothing more, and lets the flow finish until `end` by performance.now(); the rest is released. */
  async close(end: number): Promise<void> {
    this.deadLetters.close();
    await this.deliveries.close(end);
  }

  /** After {@link close}: it has closed in good order. */
  end(): Promise<void> {
    return this.deliveries.end();
  }

  private hand(event: StreamEvent, id: string): void {
    const { transport } = this.options.settings;
    const message = (): object => eventMessage(event, this.channel, transport);
    const places = [this.options.position.add(event.position, id)];
    this.open.set(id, places);
    const finished = (): void => {
      if (this.open.get(id) === places) this.open.delete(id); // else it was handed over once more since
      for (const settled of places) settled();
      this.options.onSettled();
    };
    if (event.unreadable) return this.deadLetters.add({ message, size: 1, failure: { error: event.unreadable, attempts: 0 }, finished });
    this.deliveries.hand({
      size: 1,
      output: 0,
      message,
      fingerprint: () => id,
      accepted: finished,
      failed: (failure) => this.deadLetters.add({ message, size: 1, failure, finished }),
      released: () => undefined, // it comes again after the restart
    });
  }

  /** It is from before what is wanted. */
  private passOver(position: string): void {
    this.last = position;
    this.options.position.passOver(position);
  }

  /** It goes no further, but its place counts; unless it came out of order, from before the events that were taken since. */
  private pass(position: string, id: string): void {
    const { transport } = this.options.settings;
    const [before, now] = [this.last, position].map((one) => (one === undefined ? undefined : positionNumber(one, transport)));
    if (before !== undefined && (now === undefined || now <= before)) return;
    this.last = position;
    const settled = this.options.position.add(position, id);
    const places = this.open.get(id);
    if (places) places.push(settled);
    else settled();
  }
}

/** What an event is known again by. Replay ids alone are no such thing: an org that has moved begins them anew. */
function idOf({ eventUuid, replayId, createdDate }: StreamEvent): string {
  return eventUuid ?? (createdDate === undefined ? replayId : `${replayId} ${createdDate}`);
}
