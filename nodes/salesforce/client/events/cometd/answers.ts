import { ConnectorError } from "../../../../common/errors";
import type { StreamEvent } from "../event-stream";
import { type BayeuxMessage, keyOf } from "./bayeux";
import { replyFailure, type StreamFailure, type SubscribeFailure } from "./failures";
import { readEvent } from "./read-event";

/** The events among the messages of an answer, by the {@link keyOf} of their channel, in the order in which they came. */
export function eventsByKey(messages: readonly BayeuxMessage[]): Map<string, StreamEvent[]> {
  const byKey = new Map<string, StreamEvent[]>();
  for (const message of messages) {
    if (message.channel.startsWith("/meta/")) continue;
    const event = readEvent(message);
    if (!event) continue;
    const key = keyOf(message.channel);
    const events = byKey.get(key);
    if (events) events.push(event);
    else byKey.set(key, [event]);
  }
  return byKey;
}

/** Why the session cannot go on after this answer to a handshake or a poll; `undefined` when it can. */
export function sessionTrouble(messages: readonly BayeuxMessage[], channel: "/meta/handshake" | "/meta/connect"): StreamFailure | undefined {
  const reply = messages.find((message) => message.channel === channel);
  if (reply && !reply.successful) return ofSession(replyFailure(reply));
  if (isSentAway(messages) || reply?.advice?.reconnect === "handshake") return ended("the org asks for a new handshake");
  if (!reply && messages.length === 0) return { kind: "outage", error: new ConnectorError("ORG_UNAVAILABLE", "The org's event stream gave an empty answer") };
  // when a channel could not be unsubscribed, its events would mix with a later replay of the channel
  const stays = messages.find((message) => message.channel === "/meta/unsubscribe" && !message.successful);
  return stays && ended(replyFailure(stays).error.message);
}

/** Whether the server has ended the session by itself. The reason may come only in the next answer. */
export function isSentAway(messages: readonly BayeuxMessage[]): boolean {
  return messages.some(({ channel }) => channel === "/meta/disconnect");
}

/** Why the channel was not subscribed; `undefined` when it was. */
export function subscribeTrouble(messages: readonly BayeuxMessage[], name: string): SubscribeFailure | undefined {
  const replies = messages.filter(({ channel }) => channel === "/meta/subscribe");
  const reply = replies.find(({ subscription }) => subscription === name) ?? replies.find(({ subscription }) => keyOf(subscription ?? "") === keyOf(name));
  if (!reply) return { kind: "outage", error: new ConnectorError("ORG_UNAVAILABLE", `The org did not answer the subscription to ${name}`) };
  return reply.successful ? undefined : replyFailure(reply);
}

/** Whether a failure concerns the whole session, and so all its channels. */
export function isOfSession(failure: SubscribeFailure): failure is StreamFailure {
  return failure.kind === "unknown-client" || failure.kind === "session";
}

/** The failure that says that the server has ended the session. @param why end of the sentence */
export function ended(why: string): StreamFailure {
  return { kind: "unknown-client", error: new ConnectorError("ORG_UNAVAILABLE", `The session of the event stream has ended: ${why}`) };
}

function ofSession({ kind, error }: SubscribeFailure): StreamFailure {
  return { kind: kind === "stale" ? "outage" : kind, error };
}
