/** The error when no answer came: refused, reset, timed out, bad certificate. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  constructor(
    text: string,
    /** Node's code (`ECONNREFUSED`, …), `TIMEOUT`, `ANSWER_TOO_LARGE`, `ABORTED`, `CLOSED` or `PROXY`; `NETWORK` where there is none. */
    readonly code: string,
    /** Whether the request may have reached the server. If so, it is not known whether the server has acted on it. */
    readonly sent: boolean,
    cause?: unknown,
  ) {
    super(text, { cause });
  }
}
