import type { Client, ClientDuplexStream, ClientUnaryCall, Metadata, ServiceError } from "@grpc/grpc-js";
import { ConnectorError, goingOn } from "../../../../common/errors";
import type { Session } from "../../sign-in/login";
import { whyRefused } from "../../sign-in/refused-session";
import { orgIdOf } from "../org-identity";
import type { StreamOptions, StreamOrg } from "../org-streams";
import { readEndpoint } from "./endpoint";
import { pubsubPackages, type PubsubPackages } from "./packages";
import { type CallStatus, PubsubError, pubsubError } from "./pubsub-error";
import { DESCRIPTOR, type FetchRequest, type FetchResponse, type PublishResponse, READ_OPTIONS, type SchemaInfo, type TopicInfo } from "./protocol";
import { wayTo } from "./way";

/** One Subscribe call: requests go in, events come out. */
export type FetchStream = ClientDuplexStream<FetchRequest, FetchResponse>;

/** The calls with one request and one answer: the types of both. */
interface Calls {
  GetTopic: [request: { topic_name: string }, answer: TopicInfo];
  GetSchema: [request: { schema_id: string }, answer: SchemaInfo];
  Publish: [request: { topic_name: string; events: object[] }, answer: PublishResponse];
}

type Answered<A> = (error: ServiceError | null, answer?: A) => void;

/** The client that grpc-js makes from the descriptor. */
type Stub = Client & { Subscribe(metadata: Metadata): FetchStream } & {
  [C in keyof Calls]: (request: Calls[C][0], metadata: Metadata, options: { deadline: number }, answered: Answered<Calls[C][1]>) => ClientUnaryCall;
};

/** ms after which a call without an answer fails. */
const CALL_TIMEOUT = 60_000;

/** ms without traffic after which the connection is pinged. When the server objects, grpc-js pings half as often. */
const KEEPALIVE = 60_000;

/**
 * Largest message taken from the server, in bytes. It is asked for up to 100 events, of up to 1 MB each. With a lower limit, such as gRPC's default of 4 MB,
 * a message above it would fail and come again for ever.
 */
const MAX_MESSAGE = 128 * 1024 * 1024;

/** The connection of one org to the Pub/Sub API: one gRPC channel for all its streams and calls, made when it is first needed. */
export class PubsubClient {
  private open: { packages: PubsubPackages; stub: Stub } | undefined;
  private readonly metadata = new WeakMap<Session, Promise<Metadata>>();
  private readonly calls = new Set<ClientUnaryCall>();
  private closed = false;

  constructor(
    readonly org: StreamOrg,
    private readonly options: StreamOptions,
  ) {}

  /** The Avro package. @throws ConnectorError `DRIVER_MISSING` */
  get avro(): PubsubPackages["avro"] {
    return this.connection.packages.avro;
  }

  /** The `host:port` that it calls. @throws ConnectorError `NOT_CONFIGURED` */
  get endpoint(): string {
    return readEndpoint(this.options.pubsubEndpoint).target;
  }

  /** Whether there is a connection at present. */
  get connected(): boolean {
    return this.open?.stub.getChannel().getConnectivityState(false) === this.open?.packages.grpc.connectivityState.READY;
  }

  /** Opens a Subscribe stream. @throws ConnectorError `NOT_CONFIGURED`, `DRIVER_MISSING`, or an error of the login */
  async subscribe(session: Session): Promise<FetchStream> {
    const { stub } = this.connection;
    return stub.Subscribe(await this.metadataOf(session));
  }

  /**
   * Makes a call. When the org refuses the access token, makes it once more with a new one.
   *
   * @throws PubsubError, or a ConnectorError as {@link subscribe}
   */
  async call<C extends keyof Calls>(name: C, request: Calls[C][0]): Promise<Calls[C][1]> {
    const session = await this.org.openSession();
    try {
      return await this.attempt(name, request, session);
    } catch (error) {
      if (!isRefusedSession(error)) throw error;
    }
    const renewed = await this.org.renewSession(session);
    try {
      return await this.attempt(name, request, renewed);
    } catch (error) {
      if (!isRefusedSession(error)) throw error;
      throw new PubsubError("ORG_SESSION_INVALID", goingOn(error.message, whyRefused(renewed)), "renew", { details: error.details, cause: error });
    }
  }

  /** Ends the connection and the running calls. Streams are to be ended by their owners. */
  close(): void {
    this.closed = true;
    for (const call of this.calls) call.cancel();
    this.open?.stub.close();
    this.open = undefined;
  }

  private async attempt<C extends keyof Calls>(name: C, request: Calls[C][0], session: Session): Promise<Calls[C][1]> {
    const { stub } = this.connection;
    const metadata = await this.metadataOf(session);
    return await new Promise((resolve, reject) => {
      const answered: Answered<Calls[C][1]> = (error, answer) => {
        this.calls.delete(call);
        if (answer === undefined) reject(pubsubError(error as CallStatus, this.endpoint));
        else resolve(answer);
      };
      const call = stub[name](request as never, metadata, { deadline: Date.now() + CALL_TIMEOUT }, answered as never);
      this.calls.add(call);
    });
  }

  private get connection(): { packages: PubsubPackages; stub: Stub } {
    if (this.closed) throw new ConnectorError("ORG_UNAVAILABLE", "The org's connections are closed, as it was changed or stopped");
    return (this.open ??= this.connect());
  }

  private connect(): { packages: PubsubPackages; stub: Stub } {
    const endpoint = readEndpoint(this.options.pubsubEndpoint);
    const { target, options } = wayTo(endpoint);
    const packages = pubsubPackages();
    const { grpc, loader } = packages;
    const { eventbus } = grpc.loadPackageDefinition(loader.fromJSON(DESCRIPTOR, READ_OPTIONS)) as unknown as {
      eventbus: { v1: { PubSub: new (...args: ConstructorParameters<typeof Client>) => Stub } };
    };
    const { initial = 1000, max = 120_000 } = this.options.backOff ?? {};
    const stub = new eventbus.v1.PubSub(target, endpoint.secure ? grpc.credentials.createSsl() : grpc.credentials.createInsecure(), {
      "grpc.keepalive_time_ms": KEEPALIVE,
      "grpc.keepalive_timeout_ms": 20_000,
      "grpc.max_receive_message_length": MAX_MESSAGE,
      // the subscriptions pause between their tries; the channel itself must be ready again when they try
      "grpc.initial_reconnect_backoff_ms": initial,
      "grpc.max_reconnect_backoff_ms": Math.min(max, 10_000),
      // gives each org its own connection, although all have the same endpoint
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
    return { packages, stub };
  }

  private metadataOf(session: Session): Promise<Metadata> {
    let ready = this.metadata.get(session);
    if (!ready) {
      ready = this.makeMetadata(session);
      ready.catch(() => this.metadata.delete(session));
      this.metadata.set(session, ready);
    }
    return ready;
  }

  private async makeMetadata(session: Session): Promise<Metadata> {
    const metadata = new this.connection.packages.grpc.Metadata();
    try {
      metadata.set("accesstoken", session.accessToken);
    } catch {
      // not the caught error, which would quote the token
      throw new ConnectorError("ORG_LOGIN_FAILED", "The access token holds characters that no token can hold; paste it again");
    }
    metadata.set("instanceurl", session.instanceUrl);
    metadata.set("tenantid", await orgIdOf(this.org, session));
    return metadata;
  }
}

function isRefusedSession(error: unknown): error is PubsubError {
  return error instanceof PubsubError && error.remedy === "renew";
}
