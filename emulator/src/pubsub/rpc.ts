import { randomUUID } from "node:crypto";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { authorise } from "./auth";
import { RpcError, toRpcError } from "./rpc-error";

/** What a stream is at, for the control API. */
export interface StreamState {
  /** For example `Subscribe`. */
  rpc: string;
  topic: string;
  /** Events asked for and not delivered yet. */
  pending: number;
  /** The event delivered last, or begun behind. */
  replayId: number;
}

/** One stream of an RPC: its id, its session, and how it ends. */
export class RpcStream<Request, Response> {
  readonly id = randomUUID();
  private session: Session | undefined;
  private open = true;
  private silent = false;
  private readonly closing: (() => void)[] = [];
  /** What it is at; nothing while it has not begun. */
  state: () => Omit<StreamState, "rpc"> | undefined = () => undefined;

  /** @param name of the RPC */
  constructor(
    private readonly org: Org,
    readonly name: string,
    private readonly call: ServerDuplexStream<Request, Response>,
  ) {}

  /** Takes requests, from clients whose headers are right. What `take` throws ends the stream. */
  serve(take: (request: Request) => void): void {
    this.call.on("data", (request: Request) => this.attempt(() => this.open && take(request)));
    this.call.on("end", () => this.end());
    this.call.on("cancelled", () => this.close());
    // A connection that breaks: the stream is gone, which is no mistake of the emulator's.
    this.call.on("error", () => this.close());
    this.attempt(() => (this.session = authorise(this.org, this.call.metadata)));
  }

  /** Who the client is. @throws RpcError when the session is over and `authRefresh` is no other one */
  authorise(authRefresh = ""): Session {
    if (authRefresh !== "") {
      this.session = this.org.sessions.find(authRefresh);
      if (!this.session) throw RpcError.of("service.auth.refresh.invalid");
    }
    if (!this.session || this.org.sessions.find(this.session.token) === undefined) throw RpcError.of("service.auth.error");
    return this.session;
  }

  /** Sends a message, while the session lasts. */
  send(message: Response): void {
    if (!this.open || this.silent) return;
    this.attempt(() => {
      this.authorise();
      this.call.write(message);
    });
  }

  /** Says nothing any more, whatever happens: the connection is half dead. */
  silence(): void {
    this.silent = true;
  }

  /** Calls back once the stream is over, or at once when it is. */
  onClose(listener: () => void): void {
    if (this.open) this.closing.push(listener);
    else listener();
  }

  /** Ends the stream well. */
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

  /** Lets go of everything, whether or not the client still hears. */
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
