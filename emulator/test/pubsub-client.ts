import assert from "node:assert/strict";
import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { Type, types } from "avsc";
import { pubsubService } from "../src/pubsub/descriptor";
import type { FetchRequest, FetchResponse, ManagedFetchRequest, ManagedFetchResponse, ProducerEvent, PublishRequest, PublishResponse } from "../src/pubsub/messages";
import type { Emulator } from "../src/index";
import { login } from "./helpers";

const SERVICE = pubsubService();
const PREFIX = "sfdc.platform.eventbus.grpc.";

/** 64-bit numbers as bigint, whatever they are. */
const LONG = types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (a: bigint, b: bigint) => Number(a - b),
});

/** How a call has ended. */
export interface Ending {
  /** gRPC status. */
  status: number;
  /** Error code without its prefix; undefined when there is none. */
  code: string | undefined;
  details: string;
}

/** Waits until a condition holds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A stream with all that came over it. */
export class TestStream<Request, Response> {
  readonly messages: Response[] = [];
  ending: Ending | undefined;

  constructor(private readonly call: ClientDuplexStream<Partial<Request>, Response>) {
    call.on("data", (message: Response) => this.messages.push(message));
    call.on("error", () => undefined);
    call.on("status", ({ code, details, metadata }: { code: number; details: string; metadata: Metadata }) => (this.ending = endingOf(code, details, metadata)));
  }

  send(request: Partial<Request>): void {
    this.call.write(request);
  }

  cancel(): void {
    this.call.cancel();
  }

  async ended(): Promise<Ending> {
    await until("the stream ends", () => this.ending !== undefined);
    return this.ending!;
  }
}

/** A plain client of the Pub/Sub API. */
export class PubSub {
  private readonly schemas = new Map<string, Type>();

  private constructor(
    private readonly client: Client,
    readonly metadata: Metadata,
  ) {}

  /** @param headers in place of those that are right */
  static async connect(emulator: Emulator, headers: Record<string, string> = {}): Promise<PubSub> {
    const token = await login(emulator);
    const metadata = new Metadata();
    const right = { accesstoken: token, instanceurl: emulator.url, tenantid: token.split("!")[0]! };
    for (const [name, value] of Object.entries({ ...right, ...headers })) metadata.set(name, value);
    return new PubSub(new Client(emulator.pubsubEndpoint!, credentials.createInsecure()), metadata);
  }

  /** Tells a user with another token from now on. */
  set token(token: string) {
    this.metadata.set("accesstoken", token);
  }

  /** An RPC with one request and one answer; rejects with an {@link Ending}. */
  ask(name: "GetTopic" | "GetSchema" | "Publish", request: object): Promise<Record<string, never>> {
    const { path, requestSerialize, responseDeserialize } = SERVICE[name]!;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, this.metadata, (error: ServiceError | null, answer?: unknown) => {
        if (error) reject(Object.assign(new Error(error.message), endingOf(error.code, error.details, error.metadata)));
        else resolve(answer as Record<string, never>);
      });
    });
  }

  subscribe(request: Partial<FetchRequest>): TestStream<FetchRequest, FetchResponse> {
    return this.stream("Subscribe", request);
  }

  manage(request: Partial<ManagedFetchRequest>): TestStream<ManagedFetchRequest, ManagedFetchResponse> {
    return this.stream("ManagedSubscribe", request);
  }

  publishStream(request: Partial<PublishRequest>): TestStream<PublishRequest, PublishResponse> {
    return this.stream("PublishStream", request);
  }

  /** The schema with this id. */
  async schema(schemaId: string): Promise<Type> {
    let type = this.schemas.get(schemaId);
    if (!type) {
      const { schemaJson } = await this.ask("GetSchema", { schemaId });
      type = Type.forSchema(JSON.parse(schemaJson!) as Parameters<typeof Type.forSchema>[0], { registry: { long: LONG }, wrapUnions: "never" });
      this.schemas.set(schemaId, type);
    }
    return type;
  }

  /** An event to publish. */
  async event(topicName: string, id: string, fields: Record<string, unknown>): Promise<ProducerEvent> {
    const schemaId = String((await this.ask("GetTopic", { topicName }))["schemaId"]);
    const created = { CreatedDate: BigInt(Date.now()), CreatedById: "005000000000000AAA" };
    return { id, schemaId, payload: (await this.schema(schemaId)).toBuffer({ ...created, ...fields }) };
  }

  /** What an event says. */
  async decode({ schemaId, payload }: ProducerEvent): Promise<Record<string, unknown>> {
    return { ...((await this.schema(schemaId)).fromBuffer(payload) as object) };
  }

  close(): void {
    this.client.close();
  }

  private stream<Request, Response>(name: string, first: Partial<Request>): TestStream<Request, Response> {
    const { path, requestSerialize, responseDeserialize } = SERVICE[name]!;
    const call = this.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize as (bytes: Buffer) => Response, this.metadata);
    const stream = new TestStream<Request, Response>(call as unknown as ClientDuplexStream<Partial<Request>, Response>);
    stream.send(first);
    return stream;
  }
}

/** A replay id as the API gives it. */
export function replayBytes(replayId: bigint | number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeBigUInt64BE(BigInt(replayId));
  return bytes;
}

/** Replay ids of all that was delivered. */
export function replayIds(stream: TestStream<unknown, FetchResponse>): bigint[] {
  return stream.messages.flatMap(({ events }) => events.map(({ replayId }) => replayId.readBigUInt64BE()));
}

function endingOf(status: number, details: string, metadata: Metadata): Ending {
  const code = metadata.get("error-code")[0];
  if (code !== undefined) assert.ok(String(code).startsWith(PREFIX) && details.includes(`rpcId: ${String(metadata.get("rpc-id")[0])}`), "an error names its RPC");
  return { status, code: code === undefined ? undefined : String(code).slice(PREFIX.length), details };
}
