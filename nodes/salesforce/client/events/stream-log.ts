import { type ConnectorError, type ErrorCode, needsAHand } from "../../../common/errors";
import type { LineLog } from "../../../common/trouble-log";

/** Logs that a channel brings no events, once for each kind of reason: as an error if somebody must fix it, else as a warning. And that it brings some again. */
export class StreamLog {
  /** Code of the error that the stream was lost with; `undefined` while it is not lost. */
  private lost: ErrorCode | undefined;

  constructor(
    private readonly channel: string,
    private readonly lines: LineLog & { log(text: string): void },
  ) {}

  /** Takes note of how the stream is. @param error why it is lost; `undefined` when it is there */
  note(error: ConnectorError | undefined): void {
    const { channel, lost, lines } = this;
    if (lost === error?.code) return;
    this.lost = error?.code;
    if (!error) return lines.log(`${channel}: events come again`);
    const text = `${error.code}: ${channel}: no events come at present: ${error.message}`;
    if (needsAHand(error)) lines.error(text);
    else lines.warn(text);
  }

  /** The stream has ended in an orderly way. */
  ended(): void {
    this.lost = undefined;
  }
}
