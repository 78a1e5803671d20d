import { within } from "../../common/deadline";
import type { ChannelModel } from "amqplib";

/** ms that a broker may take for a new secret. */
const ANSWER = 10_000;

/**
 * Gives an open connection a new secret in place of the one it was opened with (`connection.update-secret`).
 *
 * @returns whether the broker took it; if not, only a new connection can have it
 */
export async function giveNewSecret(model: ChannelModel, secret: string): Promise<boolean> {
  if (!isKnownTo(model)) return false;
  try {
    // a broker that does not take it closes the connection, and the promise stays open for ever
    return (await within(model.updateSecret(Buffer.from(secret), "renewed").then(() => true), ANSWER)) === true;
  } catch {
    return false;
  }
}

/** RabbitMQ has it since 3.8.0; one that does not know a method closes the connection. */
function isKnownTo(model: ChannelModel): boolean {
  const { product, version } = model.connection.serverProperties;
  const [major = 0, minor = 0] = String(version).split(".").map(Number);
  return product === "RabbitMQ" && (major > 3 || (major === 3 && minor >= 8));
}
