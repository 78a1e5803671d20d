import type { ChannelModel } from "amqplib";
import { within } from "../../../common/deadline";
import { serverVersion } from "../connection/server-version";

/** How long, in ms, the broker may take to accept a new secret. */
const ANSWER = 10_000;

/**
 * Replaces the secret of an open connection (`connection.update-secret`).
 *
 * @returns whether the broker has accepted it; if not, the new secret needs a new connection
 */
export async function giveNewSecret(model: ChannelModel, secret: string): Promise<boolean> {
  if (!isKnownTo(model)) return false;
  try {
    // a broker that does not accept it closes the connection, and the promise never settles
    return (await within(model.updateSecret(Buffer.from(secret), "renewed").then(() => true), ANSWER)) === true;
  } catch {
    return false;
  }
}

/** Whether the broker knows the method: RabbitMQ does from 3.8.0 on. A broker that does not know it would close the connection. */
function isKnownTo(model: ChannelModel): boolean {
  return model.connection.serverProperties.product === "RabbitMQ" && serverVersion(model).atLeast(3, 8);
}
