import { parseExactly } from "./exact-json";

/** One message of the Bayeux protocol, as it comes: an event, or the reply to a message sent. */
export interface BayeuxMessage {
  channel: string;
  id?: string;
  clientId?: string;
  /** Of replies. */
  successful?: boolean;
  /** `403::Unknown client` */
  error?: string;
  /** Of the replies to `/meta/subscribe` and `/meta/unsubscribe`. */
  subscription?: string;
  /** What the server wants the client to do next. Times in ms. */
  advice?: { reconnect?: string; interval?: number; timeout?: number };
  ext?: { sfdc?: { failureReason?: string } };
  /** Of events. */
  data?: unknown;
}

/** One message to send, as JSON text. */
export type Outgoing = string;

/** Before the session. */
export function handshake(id: string): Outgoing {
  const ext = { replay: true };
  return JSON.stringify({ channel: "/meta/handshake", id, version: "1.0", minimumVersion: "1.0", supportedConnectionTypes: ["long-polling"], ext });
}

/** A poll. @param held whether the server may hold its answer until something happens */
export function connect(id: string, clientId: string, held = true): Outgoing {
  return JSON.stringify({ channel: "/meta/connect", id, clientId, connectionType: "long-polling", ...(held ? {} : { advice: { timeout: 0 } }) });
}

/** @param replay -1, -2 or a replay id in decimal: sent as a number, however long */
export function subscribe(id: string, clientId: string, channel: string, replay: string): Outgoing {
  const message = JSON.stringify({ channel: "/meta/subscribe", id, clientId, subscription: channel });
  // put together by hand, as no number holds every replay id
  return `${message.slice(0, -1)},"ext":{"replay":{${JSON.stringify(keyOf(channel))}:${replay}}}}`;
}

/** Asks for no more events of a channel. */
export function unsubscribe(id: string, clientId: string, channel: string): Outgoing {
  return JSON.stringify({ channel: "/meta/unsubscribe", id, clientId, subscription: channel });
}

/** Ends the session. */
export function disconnect(id: string, clientId: string): Outgoing {
  return JSON.stringify({ channel: "/meta/disconnect", id, clientId });
}

/** The channel without the filter of a PushTopic, as replay maps name it (jsforce#888), and so what a session can hold once. */
export function keyOf(channel: string): string {
  return channel.split("?", 1)[0]!;
}

/** The messages of an answer; undefined when it is not Bayeux: a web page of a proxy, a REST error, nothing. */
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
