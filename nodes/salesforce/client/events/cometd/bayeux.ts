import { parseExactly } from "./exact-json";

/** A received message of the Bayeux protocol: an event, or the reply to a message that was sent. */
export interface BayeuxMessage {
  channel: string;
  id?: string;
  clientId?: string;
  /** In replies only. */
  successful?: boolean;
  /** `403::Unknown client` */
  error?: string;
  /** The channel, in replies to `/meta/subscribe` and `/meta/unsubscribe`. */
  subscription?: string;
  /** What the client should do next. Times in ms. */
  advice?: { reconnect?: string; interval?: number; timeout?: number };
  ext?: { sfdc?: { failureReason?: string } };
  /** In events only. */
  data?: unknown;
}

/** A message to be sent, as JSON text. */
export type Outgoing = string;

/** Begins a session. */
export function handshake(id: string): Outgoing {
  const ext = { replay: true };
  return JSON.stringify({ channel: "/meta/handshake", id, version: "1.0", minimumVersion: "1.0", supportedConnectionTypes: ["long-polling"], ext });
}

/** A poll. @param held whether the server may hold its answer until something happens */
export function connect(id: string, clientId: string, held = true): Outgoing {
  return JSON.stringify({ channel: "/meta/connect", id, clientId, connectionType: "long-polling", ...(held ? {} : { advice: { timeout: 0 } }) });
}

/** Subscribes to a channel. @param replay -1 (new events), -2 (all retained events) or the replay id behind which to begin, in decimal digits */
export function subscribe(id: string, clientId: string, channel: string, replay: string): Outgoing {
  const message = JSON.stringify({ channel: "/meta/subscribe", id, clientId, subscription: channel });
  // put together as text, as the replay id must be sent as a number, and can be larger than a JavaScript number holds exactly
  return `${message.slice(0, -1)},"ext":{"replay":{${JSON.stringify(keyOf(channel))}:${replay}}}}`;
}

/** Ends the subscription to a channel. */
export function unsubscribe(id: string, clientId: string, channel: string): Outgoing {
  return JSON.stringify({ channel: "/meta/unsubscribe", id, clientId, subscription: channel });
}

/** Ends the session. */
export function disconnect(id: string, clientId: string): Outgoing {
  return JSON.stringify({ channel: "/meta/disconnect", id, clientId });
}

/** The channel without the filter of a PushTopic. Replay maps name channels so (jsforce#888), so a session can hold each such name only once. */
export function keyOf(channel: string): string {
  return channel.split("?", 1)[0]!;
}

/** The messages of an answer; `undefined` when it is not Bayeux, but a web page of a proxy, an error of the REST API, or empty. */
export function readMessages(body: string): BayeuxMessage[] | undefined {
  let read: unknown;
  try {
    read = parseExactly(body);
  } catch {
    return undefined;
  }
  const messages = Array.isArray(read) ? read : [read];
  return messages.every(isMessage) ? messages : undefined;
}

function isMessage(value: unknown): value is BayeuxMessage {
  return typeof value === "object" && value !== null && typeof (value as BayeuxMessage).channel === "string";
}
