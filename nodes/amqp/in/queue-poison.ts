import { createHash } from "node:crypto";
import type { PoisonSubject } from "../../delivery/poison/poison-options";
import { originOf } from "../client/consuming/retry-and-dead-letter";
import { giveBack, type Taken } from "../client/consuming/taking-channel";

/** How the watch over messages that end the process handles messages of a queue. */
export const queuePoison: PoisonSubject<Taken> = {
  fingerprint,
  suspects: ({ message }) => message.fields.redelivered,
  isOpen: ({ window }) => !window.closed,
  giveBack,
};

/** A hash by which a message is recognized when it comes again, also as the copy that is made for a retry. */
function fingerprint({ message }: Taken): string {
  const { exchange, routingKey } = originOf(message);
  const name = JSON.stringify([exchange, routingKey, message.properties.messageId ?? ""]);
  return createHash("sha256").update(name).update(message.content).digest("base64url");
}
