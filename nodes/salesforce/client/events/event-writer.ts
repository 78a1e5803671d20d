import { ConnectorError, goingOn, reworded, toConnectorError } from "../../../common/errors";
import { type Fields, MAX_RECORDS } from "../records/collections";

/** One published event. */
export interface PublishResult {
  /** Id of the operation, as events have no id. */
  id: string;
  success: true;
  /** Subscribers get it with the event, so that publisher and subscriber can tell which event it is. */
  eventUuid?: string;
  /** Its replay id, in decimal. Only the Pub/Sub API gives it. */
  replayId?: string;
  errors: [];
}

/** Result of one event of a call. */
export type EventResult = { ok: true; id: string; eventUuid?: string; replayId?: string } | { ok: false; error: ConnectorError };

/** Publishes events of one name in one call: a RecordWriter by REST, or the Pub/Sub API. */
export interface EventPublisher {
  /**
   * Publishes events.
   *
   * @param request at most {@link MAX_RECORDS} events and {@link MAX_CALL} bytes
   * @returns the result of each event, in their order
   * @throws ConnectorError when none was published
   */
  create(request: { object: string; records: Fields[] }): Promise<EventResult[]>;
}

/** The events of one message. */
export interface EventItem {
  /** API name of the event; ends with `__e`. */
  event: string;
  events: Fields[];
  /** Whether the message had a list of events, so that it gets a list of results. */
  isList: boolean;
  /** Results of the events that are published already, by index. A message that waits for the next hour publishes none of them twice. */
  published?: (PublishResult | undefined)[];
}

/** `msg.salesforce` after publishing: one result, or the results of a list of events in its order. */
export type Published = PublishResult | { results: PublishResult[] };

/** The same type as the delivery core's result, written out here so that the client does not depend on the core. */
export type PublishOutcome = { ok: true; value: Published } | { ok: false; error: ConnectorError };

/** Largest event message, in bytes of its JSON. */
const MAX_EVENT = 1024 * 1024;
/** How many bytes of events one call has at most, as the platform advises. */
const MAX_CALL = 3 * 1024 * 1024;

/** Codes of events that fail since the org can publish none: its event bus is away, or its encryption is set up wrong. */
const CLOSED = new Set<unknown>(["PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "PLATFORM_EVENT_ENCRYPTION_ERROR"]);

/** An event to be published, with its message and its index there. */
interface Entry {
  item: EventItem;
  place: number;
  fields: Fields;
  bytes: number;
}

/** Publishes platform events, up to 200 in a call, in their order. */
export class EventWriter {
  /** @param fixed whether the node's settings name the event: if the org does not know it, that is then not a message's fault */
  constructor(
    private readonly publisher: EventPublisher,
    private readonly fixed: boolean,
  ) {}

  /** Publishes the events of several messages. Each message gets a result by those of its own events. Never rejects. */
  async write(items: EventItem[]): Promise<PublishOutcome[]> {
    const failures = new Map<EventItem, ConnectorError>();
    const entries = items.flatMap((item) => entriesOf(item, failures));
    /** Why nothing more can be published for now. */
    let away: ConnectorError | undefined;
    for (const call of callsOf(entries)) {
      const results = away ? call.map((): EventResult => ({ ok: false, error: away as ConnectorError })) : await this.publish(call);
      results.forEach((result, index) => note(call[index] as Entry, result, failures));
      away ??= results.flatMap((result) => (!result.ok && stopsAll(result.error) ? [result.error] : []))[0];
    }
    return items.map((item): PublishOutcome => {
      const error = failures.get(item);
      return error ? { ok: false, error } : { ok: true, value: publishedOf(item) };
    });
  }

  private async publish(call: Entry[]): Promise<EventResult[]> {
    const object = (call[0] as Entry).item.event;
    try {
      const results = await this.publisher.create({ object, records: call.map(({ fields }) => fields) });
      return results.map((result) => (result.ok ? result : { ok: false, error: this.publishError(result.error) }));
    } catch (thrown) {
      const error = this.publishError(toConnectorError(thrown));
      return call.map(() => ({ ok: false, error }));
    }
  }

  /** Turns an error of the org into what it means for events. */
  private publishError(error: ConnectorError): ConnectorError {
    const { statusCode, errorCode } = error.details;
    const code = statusCode ?? errorCode;
    const options = { details: error.details, cause: error };
    if (code === "LIMIT_EXCEEDED") return new ConnectorError("ORG_LIMIT", goingOn(error.message, "the org takes no more events in this hour"), options);
    if (CLOSED.has(code)) return new ConnectorError("ORG_UNAVAILABLE", error.message, options);
    if (error.code === "ORG_OBJECT_UNKNOWN" && !this.fixed) return new ConnectorError("ORG_REFUSED", error.message, options);
    return error;
  }
}

/** Whether other events would fail in the same way. That an event is unknown says nothing about others. */
function stopsAll({ scope, code }: ConnectorError): boolean {
  return scope === "system" && code !== "ORG_OBJECT_UNKNOWN";
}

function entriesOf(item: EventItem, failures: Map<EventItem, ConnectorError>): Entry[] {
  item.published ??= item.events.map(() => undefined);
  const entries = item.events.map((fields, place): Entry => ({ item, place, fields, bytes: Buffer.byteLength(JSON.stringify(fields)) }));
  if (entries.some(({ bytes }) => bytes > MAX_EVENT)) {
    failures.set(item, new ConnectorError("PAYLOAD_TOO_LARGE", "An event is larger than 1 MB, which is the most that a platform event can hold"));
    return [];
  }
  return entries.filter(({ place }) => item.published?.[place] === undefined);
}

/** Divides events into calls, in their order. A call has events of one name, at most {@link MAX_RECORDS} of them and {@link MAX_CALL} bytes. */
function callsOf(entries: Entry[]): Entry[][] {
  const calls: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const call = calls.at(-1);
    const fits = call && call[0]?.item.event === entry.item.event && call.length < MAX_RECORDS && bytes + entry.bytes <= MAX_CALL;
    if (fits) call.push(entry);
    else calls.push([entry]);
    bytes = entry.bytes + (fits ? bytes : 0);
  }
  return calls;
}

/** Notes the result of an event. A message fails with the error of its first event that failed; one of scope `message` comes before one that would make it wait. */
function note({ item, place }: Entry, result: EventResult, failures: Map<EventItem, ConnectorError>): void {
  if (!result.ok) {
    const before = failures.get(item);
    if (!before || (before.scope === "system" && result.error.scope === "message")) failures.set(item, inList(result.error, item, place));
    return;
  }
  const { id, eventUuid, replayId } = result;
  const told = { ...(eventUuid === undefined ? {} : { eventUuid }), ...(replayId === undefined ? {} : { replayId }) };
  (item.published as (PublishResult | undefined)[])[place] = { id, success: true, ...told, errors: [] };
}

function publishedOf({ isList, published = [] }: EventItem): Published {
  const results = published.flatMap((one) => one ?? []);
  return isList ? { results } : (results[0] as PublishResult);
}

/** Adds to an error which of a message's events it is about, and that others may be published. */
function inList(error: ConnectorError, item: EventItem, place: number): ConnectorError {
  if (item.events.length === 1 || error.scope === "system") return error;
  const text = goingOn(`Event ${place + 1} of ${item.events.length}: ${error.message}`, "others of this message may be published");
  return reworded(error, text, { index: place });
}
