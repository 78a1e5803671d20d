import { DeadLetters } from "../../../delivery/reading/dead-letters";
import type { NodeName } from "../../../delivery/outcome";
import { Room } from "../../../delivery/reading/room";
import { RowDeliveries, type RowPoison } from "../../../delivery/reading/row-deliveries";
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
  /** Where events are marked as in the flow, so that one that ends the process is known after the restart. Absent: nobody looks for such events. */
  poison: RowPoison | undefined;
  /** Sends a message. @param output index, from 0 */
  send(output: number, message: object): void;
  isWired(output: number): boolean;
  /** A node behind waits for its system. @param reason why; `undefined` when none waits any more */
  onHold(reason: string | undefined): void;
  /** As a `PoisonWatch` tells. */
  onSearch(reason: string | undefined): void;
  /** @param stuck whether dead letters wait because nothing is wired to take them */
  onStuck(stuck: boolean): void;
  /** An event has left the flow. */
  onSettled(): void;
  warn(text: string): void;
}

/** Index of the output for dead letters. */
const DEAD_LETTERS = 1;

/** Hands events to the flow, each as a delivery, and notes in the position how far they are settled. Repeats are not handed on. */
export class EventIntake {
  private readonly channel: string;
  private readonly flow: Room;
  private readonly deliveries: RowDeliveries;
  private readonly deadLetters: DeadLetters;
  private recent: RecentEvents;
  /** By the id of each event in the flow: the functions that mark its positions as settled. One for the event itself, and one for each repeat that came meanwhile. */
  private readonly open = new Map<string, (() => void)[]>();
  /** Position of the event that came last. */
  private last: string | undefined;
  /** Told once that the flow has finished with all. */
  private done: (() => void) | undefined;

  constructor(private readonly options: EventIntakeOptions) {
    const { settings, node, runtime, poison, send, isWired, onHold, onSearch, onStuck, warn } = options;
    this.channel = channelName(settings.channel);
    this.recent = new RecentEvents(settings.dedupeWindow);
    this.flow = new Room(settings.maxInFlight);
    this.deliveries = new RowDeliveries({ settings, node, runtime, room: this.flow, poison, send, isWired, onHold, onResume: () => onHold(undefined), onSearch, warn });
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

  /** How many events are in the flow, or wait to be handed to it again. */
  get openCount(): number {
    return this.flow.taken;
  }

  /** How many more events it takes at present. */
  get free(): number {
    return this.flow.free;
  }

  /** How many events the flow has not finished with, and how many it had not when it was closed. */
  get unfinished(): number {
    return this.open.size;
  }

  /** How many dead letters wait for an output to be wired. */
  get stuckCount(): number {
    return this.deadLetters.waiting;
  }

  /** Ids of the remembered events that are not in the flow, so are settled. */
  get settled(): string[] {
    return this.recent.ids.filter((id) => !this.open.has(id));
  }

  /** Position behind which to go on after all that it has taken; `undefined` while it has taken nothing. */
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

  /** Events with these ids were settled before, so they count as repeats when they come. */
  know(ids: readonly string[]): void {
    for (const id of ids) this.recent.add(id);
  }

  /** The org says that nothing is outstanding up to this position. */
  idle(position: string): void {
    this.last = position;
    this.options.position.idle(position);
  }

  /** The channel is read from another place from now on. @param repeats whether events that came before still count as repeats */
  begin(repeats: boolean): void {
    this.last = undefined;
    if (!repeats) this.recent = new RecentEvents(this.options.settings.dedupeWindow);
  }

  /** Resolves when the flow has finished with all events; never once it is closed. */
  async untilDone(): Promise<void> {
    if (this.open.size > 0) await new Promise<void>((resolve) => (this.done = resolve));
  }

  /** To be called when wires may have changed. */
  rewired(): void {
    this.deadLetters.look();
  }

  /** Takes no more events, and lets the flow finish until `end` (a time of `performance.now()`). Events open then are released. */
  async close(end: number): Promise<void> {
    this.deadLetters.close();
    await this.deliveries.close(end);
  }

  /** To be called after {@link close}: records that it closed in an orderly way. */
  end(): Promise<void> {
    return this.deliveries.end();
  }

  private hand(event: StreamEvent, id: string): void {
    const { transport } = this.options.settings;
    const message = (): object => eventMessage(event, this.channel, transport);
    const places = [this.options.position.add(event.position, id)];
    this.open.set(id, places);
    const finished = (): void => {
      if (this.open.get(id) === places) this.open.delete(id); // otherwise the event was handed over again since
      for (const settled of places) settled();
      this.options.onSettled();
      if (this.open.size === 0) this.done?.();
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

  /** An event is older than what is wanted: only its position is noted. */
  private passOver(position: string): void {
    this.last = position;
    this.options.position.passOver(position);
  }

  /** A repeat: not handed on, but its position counts. A repeat that comes out of order, with a position at or below the last one, is ignored. */
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

/** What tells an event from all others. The replay id alone does not: an org that has moved to another instance counts from the start again. */
function idOf({ eventUuid, replayId, createdDate }: StreamEvent): string {
  return eventUuid ?? (createdDate === undefined ? replayId : `${replayId} ${createdDate}`);
}
