import { randomUUID } from "node:crypto";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Server, ServerCredentials, type sendUnaryData, type ServerDuplexStream, type ServerUnaryCall } from "@grpc/grpc-js";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { authorise } from "./auth";
import { pubsubService } from "./descriptor";
import { PubSubHub } from "./hub";
import { getSchema, getTopic } from "./lookup";
import { managedSubscribe } from "./managed-subscribe";
import { publish, publishStream } from "./publish";
import { toRpcError } from "./rpc-error";
import { subscribe } from "./subscribe";

/** Most bytes of a received message. This is more than the API accepts, so that larger messages are refused with the API's own error. */
const MAX_MESSAGE = 16 * 1024 * 1024;

/** The gRPC server of an org: the service `eventbus.v1.PubSub` on its own port. */
export class PubSubServer {
  private readonly grpc = new Server({ "grpc.max_receive_message_length": MAX_MESSAGE, "grpc.max_send_message_length": -1 });
  /** The server that listens. It is not the one of gRPC, so that connections can be broken. */
  private readonly net = createServer((socket) => this.accept(socket));
  private readonly sockets = new Set<Socket>();
  private readonly inject: (socket: Socket) => void;

  private readonly hub: PubSubHub;

  constructor(org: Org) {
    const { tls } = org.settings;
    const credentials = tls
      ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }])
      : ServerCredentials.createInsecure();
    const injector = this.grpc.createConnectionInjector(credentials);
    this.inject = (socket) => injector.injectConnection(socket);
    this.grpc.addService(pubsubService(), {
      GetTopic: this.unary("GetTopic", getTopic),
      GetSchema: this.unary("GetSchema", getSchema),
      Publish: this.unary("Publish", publish),
      PublishStream: this.stream("PublishStream", publishStream),
      Subscribe: this.stream("Subscribe", subscribe),
      ManagedSubscribe: this.stream("ManagedSubscribe", managedSubscribe),
    });
    this.hub = new PubSubHub(org, () => {
      for (const socket of this.sockets) socket.destroy();
    });
    org.pubsub = this.hub;
  }

  /** Starts to listen. @returns the port. @throws Error when the port is in use */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.net.once("error", reject);
      this.net.listen(port, host, () => {
        this.net.off("error", reject);
        resolve((this.net.address() as AddressInfo).port);
      });
    });
  }

  /** Ends all streams at once and stops listening. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.net.close(() => resolve());
      this.hub.cut();
      this.grpc.forceShutdown();
    });
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.sockets.delete(socket));
    this.inject(socket);
  }

  private unary<Request, Response>(name: string, answer: (hub: PubSubHub, request: Request, session: Session) => Response) {
    return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
      try {
        const lost = this.hub.strike(name);
        const response = answer(this.hub, call.request, authorise(this.hub.org, call.metadata));
        if (lost) throw lost;
        done(null, response);
      } catch (error) {
        done(toRpcError(error).onWire(name, randomUUID()));
      }
    };
  }

  private stream<Request, Response>(name: string, serve: (hub: PubSubHub, call: ServerDuplexStream<Request, Response>) => void) {
    return (call: ServerDuplexStream<Request, Response>): void => {
      try {
        const lost = this.hub.strike(name);
        if (lost) throw lost;
      } catch (error) {
        call.emit("error", toRpcError(error).onWire(name, randomUUID()));
        return;
      }
      serve(this.hub, call);
    };
  }
}
