import { ConnectorError } from "../../../common/errors";
import { brokerText, channelError, endsConnection, replyCode } from "../errors";

/** Returns the error for a consumer that the broker has ended of its own accord. The broker does not say why. */
export function cancelled(queue: string): ConnectorError {
  const why = "it was deleted, it has moved, or a message stayed unanswered for longer than the broker's consumer timeout";
  return new ConnectorError("QUEUE_UNAVAILABLE", `The broker ended the consumer of queue ${queue}: ${why}`);
}

/** Returns the error for a queue that could not be prepared or consumed. @param error what was thrown */
export function notConsuming(queue: string, error: unknown): ConnectorError {
  if (!endsConnection(error)) return channelError(error, "queue");
  const text = `The broker ended the whole connection while queue ${queue} was being prepared: ${brokerText(error)}`;
  return new ConnectorError("QUEUE_UNAVAILABLE", text, { cause: error, details: { code: replyCode(error) } });
}
