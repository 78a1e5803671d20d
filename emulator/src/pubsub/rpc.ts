import { randomUUID } from "node:crypto";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { authorise } from "./auth";
import { RpcError, toRpcError } from "./rpc-error";

/** The state of a stream, for the control API. */
export interface StreamState {
  /** For example `Subscribe`. */
  rpc: string;
  topic: string;
  /** How many events were requested and not yet delivered. */
  pending: number;
  /** Replay id of the event delivered last or, before that, the one after which the stream begins. */
  replayId: number;
}

/** A stream of an RPC: its id, its session, and how it ends. */
export class RpcStream<Request, Response> {
  readonly id = randomUUID();
  private session: Session | undefined;
  private open = true;
  private silent = false;
  private readonly closing: (() => void)[] = [];
  /** Returns the state; `undefined` before the stream has begun. */
  state: () => Omit<StreamState, "rpc"> | undefined = () => undefined;

  /** @param name name of the RPC */
  constructor(
    private readonly org: Org,
    readonly name: string,
    private readonly call: ServerDuplexStream<Request, Response>,
  ) {}

  /** Checks the headers and passes each request to `take`. An error that `take` throws ends the stream. */
  serve(take: (request: Request) => void): void {
    this.call.on("data", (request: Request) => this.attempt(() => this.open && take(request)));
    this.call.on("end", () => this.end());
    this.call.on("cancelled", () => this.close());
    // The connection is broken. That is not a bug of the emulator, so it is not reported.
    this.call.on("error", () => this.close());
    this.attempt(() => (this.session = authorise(this.org, this.call.metadata)));
  }

  /** Returns the session of the client. @param authRefresh a new token, if the client has sent one. @throws RpcError when the session is over or the new token is not valid */
  authorise(authRefresh = ""): Session {
    if (authRefresh !== "") {
      this.session = this.org.sessions.find(authRefresh);
      if (!this.session) throw RpcError.of("service.auth.refresh.invalid");
    }
    if (!this.session || this.org.sessions.find(this.session.token) === undefined) throw RpcError.of("service.auth.error");
    return this.session;
  }

  /** Sends a message. If the session is over, the stream fails instead. */
  send(message: Response): void {
    if (!this.open || this.silent) return;
    this.attempt(() => {
      this.authorise();
      this.call.write(message);
    });
  }

  /** Sends nothing from now on, whatever happens, as over a half-open connection. */
  silence(): void {
    this.silent = true;
  }

  /** Calls `listener` when the stream is over, or at once if it is already. */
  onClose(listener: () => void): void {
    if (this.open) this.closing.push(listener);
    else listener();
  }

  /** Ends the stream in an orderly way. */
  end(): void {
    if (!this.open || this.silent) return;
    this.close();
    this.call.end();
  }

  /** Ends the stream with an error. */
  fail(error: unknown): void {
    if (!this.open || this.silent) return;
    this.close();
    this.call.emit("error", toRpcError(error).onWire(this.name, this.id));
  }

  /** Releases everything that belongs to the stream, even if the client is still connected. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    for (const listener of this.closing.splice(0)) listener();
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }
}
