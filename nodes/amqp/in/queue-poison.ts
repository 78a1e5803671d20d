import { createHash } from "node:crypto";
import type { PoisonSubject } from "../../delivery/poison-options";
import { originOf } from "../client/retry-and-dead-letter";
import type { Taken } from "../client/taking-channel";

/** Messages of a queue, for the watch over those that end the process. */
export const queuePoison: PoisonSubject<Taken> = {
  fingerprint,
  suspects: ({ message }) => message.fields.redelivered,
  isOpen: ({ window }) => !window.closed,
  giveBack: ({ message, window }) => window.giveBack(message.fields.deliveryTag),
};

/** What a message is known by when it comes again, as a retry's copy too. */
function fingerprint({ message }: Taken): string {
  const { exchange, routingKey } = originOf(message);
  const name = JSON.stringify([exchange, routingKey, message.properties.messageId ?? ""]);
  return createHash("sha256").update(name).update(message.content).digest("base64url");
}
