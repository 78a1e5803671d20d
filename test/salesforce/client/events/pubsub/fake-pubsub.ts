import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";
import avro from "avsc";
import { DESCRIPTOR, type FetchRequest, type ProducerEvent, READ_OPTIONS } from "../../../../../nodes/salesforce/client/events/pubsub/protocol";

type Stream = grpc.ServerDuplexStream<FetchRequest, object>;

/** How a call is refused. */
export interface Refusal {
  /** Of gRPC. Default 13. */
  status?: number;
  /** Behind the platform's prefix. */
  code?: string;
  text?: string;
}

/** A stream that a client has open. */
export interface Open {
  stream: Stream;
  requests: FetchRequest[];
  /** Asked for and not sent. */
  pending: number;
  /** Index of the next event in the log. */
  next: number;
}

const PREFIX = "sfdc.platform.eventbus.grpc.";

const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: number | bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === "bigint" || Number.isSafeInteger(value),
  compare: () => 0,
});

/** A Pub/Sub API of one channel that does as it is told. */
export class FakePubsub {
  readonly log: { id: number; schema: string; payload: Buffer }[] = [];
  readonly open = new Set<Open>();
  /** Of all streams, in order. */
  readonly opened: Open[] = [];
  readonly metadata: Record<string, unknown>[] = [];
  readonly calls: string[] = [];
  /** The next streams, and calls, are refused so. */
  readonly refusals: Refusal[] = [];
  /** Asks for a schema wait for this. */
  schemaGate: Promise<void> = Promise.resolve();
  /** Oldest id that a stream may begin behind. */
  oldest = 0;
  /** Sends headers before anything else. */
  headers = true;
  /** What an event has to be of to be published. */
  schemaToPublish = "";
  readonly published: unknown[] = [];
  private readonly types = new Map<string, avro.Type>();
  private readonly server = new grpc.Server();
  endpoint = "";

  constructor(private readonly schemas: Record<string, object>) {
    for (const [id, schema] of Object.entries(schemas)) if ("fields" in schema) this.types.set(id, avro.Type.forSchema(schema as avro.Schema, { registry: { long } }));
    const definition = grpc.loadPackageDefinition(loader.fromJSON(DESCRIPTOR, READ_OPTIONS)) as never as { eventbus: { v1: { PubSub: { service: grpc.ServiceDefinition } } } };
    this.server.addService(definition.eventbus.v1.PubSub.service, {
      Subscribe: (stream: Stream) => this.subscribe(stream),
      GetTopic: (_call: unknown, answer: grpc.sendUnaryData<object>) => answer(null, { schema_id: this.schemaToPublish, can_publish: true }),
      Publish: (call: grpc.ServerUnaryCall<{ events: ProducerEvent[] }, object>, answer: grpc.sendUnaryData<object>) => {
        const refusal = this.refusals.shift();
        if (refusal) answer(statusOf(refusal) as grpc.ServiceError);
        else answer(null, { schema_id: this.schemaToPublish, results: call.request.events.map((event) => this.take(event)) });
      },
      GetSchema: (call: grpc.ServerUnaryCall<{ schema_id: string }, object>, answer: grpc.sendUnaryData<object>) => {
        this.calls.push(`GetSchema ${call.request.schema_id}`);
        const refusal = this.refusals[0]?.code?.startsWith("schema.") ? this.refusals.shift() : undefined;
        void this.schemaGate.then(() => {
          if (refusal) answer(statusOf(refusal) as grpc.ServiceError);
          else answer(null, { schema_id: call.request.schema_id, schema_json: JSON.stringify(this.schemas[call.request.schema_id]), rpc_id: "r" });
        });
      },
    });
  }

  async start(port = 0): Promise<this> {
    const bound = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, value) => (error ? reject(error) : resolve(value)));
    });
    this.endpoint = `http://127.0.0.1:${bound}`;
    return this;
  }

  stop(): void {
    this.server.forceShutdown();
  }

  /** Puts an event on the channel. */
  publish(id: number, schema: string, value: object): void {
    this.log.push({ id, schema, payload: this.types.get(schema)?.toBuffer(value) ?? Buffer.alloc(0) });
    for (const one of this.open) this.send(one);
  }

  /** Says on all streams that there is nothing up to here. */
  idle(id: number): void {
    for (const { stream, pending } of this.open) stream.write({ events: [], latest_replay_id: bytes(id), pending_num_requested: pending });
  }

  /** Ends all streams. */
  end(refusal?: Refusal): void {
    for (const one of this.open) {
      this.open.delete(one);
      if (refusal) refuse(one.stream, refusal);
      else one.stream.end();
    }
  }

  /** How often a client has begun, and where. */
  get beginnings(): string[] {
    return this.opened.flatMap(({ requests: [first] }) => (first ? `${first.replay_preset} ${Buffer.from(first.replay_id ?? []).toString("hex")}`.trim() : []));
  }

  private take({ id, schema_id: schema, payload }: ProducerEvent): object {
    if (schema !== this.schemaToPublish) return { correlation_key: id, error: { code: "PUBLISH", msg: "An old schema" } };
    const value = this.types.get(schema)?.fromBuffer(payload) as { Text__c: string };
    if (value.Text__c.startsWith("!")) return { correlation_key: id, error: { code: "PUBLISH", msg: value.Text__c.slice(1) } };
    this.published.push({ ...value });
    return { correlation_key: id, replay_id: bytes(this.published.length) };
  }

  private subscribe(stream: Stream): void {
    this.metadata.push(stream.metadata.getMap());
    if (this.headers) stream.sendMetadata(new grpc.Metadata());
    const refusal = this.refusals[0]?.code?.startsWith("schema.") ? undefined : this.refusals.shift();
    if (refusal) return refuse(stream, refusal);
    const own: Open = { stream, requests: [], pending: 0, next: this.log.length };
    this.open.add(own);
    this.opened.push(own);
    stream.on("data", (request: FetchRequest) => this.fetch(own, request));
    for (const event of ["end", "error", "cancelled"]) stream.on(event, () => this.open.delete(own));
  }

  private fetch(own: Open, request: FetchRequest): void {
    if (own.requests.length === 0 && request.replay_preset === "EARLIEST") own.next = 0;
    if (own.requests.length === 0 && request.replay_preset === "CUSTOM") {
      const id = Number(Buffer.from(request.replay_id ?? []).readBigUInt64BE());
      if (id < this.oldest) {
        this.open.delete(own);
        return refuse(own.stream, { status: 3, code: "subscription.fetch.replayid.corrupted", text: "The Replay ID validation failed." });
      }
      own.next = this.log.findIndex((event) => event.id > id);
      if (own.next < 0) own.next = this.log.length;
    }
    own.requests.push(request);
    own.pending += request.num_requested;
    this.send(own);
  }

  private send(own: Open): void {
    const due = this.log.slice(own.next, own.next + own.pending);
    if (due.length === 0) return;
    own.next += due.length;
    own.pending -= due.length;
    const events = due.map(({ id, schema, payload }) => ({ event: { id: `uuid-${id}`, schema_id: schema, payload }, replay_id: bytes(id) }));
    own.stream.write({ events, latest_replay_id: events.at(-1)?.replay_id, pending_num_requested: own.pending });
  }
}

/** A replay id as the platform has it. */
export function bytes(id: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(id));
  return buffer;
}

/** As a position. */
export const hex = (id: number): string => bytes(id).toString("hex");

function refuse(stream: Stream, refusal: Refusal): void {
  stream.emit("error", statusOf(refusal));
}

function statusOf({ status = 13, code, text = "refused" }: Refusal): Error {
  const metadata = new grpc.Metadata();
  if (code) metadata.set("error-code", PREFIX + code);
  metadata.set("rpc-id", "rpc-1");
  return Object.assign(new Error(text), { code: status, details: text, metadata });
}
