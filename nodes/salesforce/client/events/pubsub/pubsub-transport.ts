import { ConnectorError } from "../../../../common/errors";
import type { EventTransport, StartPoint, StreamListener, Subscription } from "../event-stream";
import type { StreamOptions, StreamOrg } from "../org-streams";

/** Not there yet. */
export class PubsubTransport implements EventTransport {
  constructor(
    readonly org: StreamOrg,
    readonly options: StreamOptions,
  ) {}

  subscribe(_channel: string, _start: StartPoint, _listener: StreamListener): Subscription {
    throw new ConnectorError("NOT_CONFIGURED", "Not there yet");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
