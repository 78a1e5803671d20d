import { Metadata, status } from "@grpc/grpc-js";

/** The prefix of all error codes as they are sent. */
const PREFIX = "sfdc.platform.eventbus.grpc.";

/** gRPC status and text by error code, without the prefix. The codes are from the vendor's documentation, most statuses and all texts from memory. */
const CATALOGUE: Record<string, [number, string]> = {
  "service.unavailable": [status.INTERNAL, "The service is unavailable. Try again later."],
  "service.protection.triggered": [status.RESOURCE_EXHAUSTED, "The service is protecting itself. Try again later."],
  "service.protection.stream.limit.triggered": [status.RESOURCE_EXHAUSTED, "There are too many streams for this topic. Try again later."],
  "service.auth.error": [status.UNAUTHENTICATED, "An authentication exception occurred. Provide valid authentication via metadata headers."],
  "service.auth.headers.invalid": [status.UNAUTHENTICATED, "The authentication headers are missing or invalid."],
  "service.auth.refresh.invalid": [status.UNAUTHENTICATED, "The refreshed token is invalid."],
  "service.tenant.license": [status.PERMISSION_DENIED, "The org has no license for this."],
  "topic.not.found": [status.NOT_FOUND, "The topic was not found, or cannot be used with this API."],
  "topic.meta.permission": [status.PERMISSION_DENIED, "The user has no access to the topic."],
  "topic.api.unavailable": [status.UNAVAILABLE, "The topic cannot be looked up at present. Try again later."],
  "schema.not.found": [status.NOT_FOUND, "There is no schema with this id."],
  "schema.api.unavailable": [status.UNAVAILABLE, "The schema cannot be looked up at present. Try again later."],
  "subscription.internal.error": [status.INTERNAL, "The subscription has failed. Try again later."],
  "subscription.limit.exceeded": [status.RESOURCE_EXHAUSTED, "You have exceeded the event delivery limit for your org."],
  "subscription.topic.cannot.subscribe": [status.PERMISSION_DENIED, "The user cannot subscribe to the topic."],
  "subscription.fetch.replayid.corrupted": [
    status.INVALID_ARGUMENT,
    "The Replay ID validation failed. Ensure that the Replay ID is valid and within the retention window.",
  ],
  "subscription.fetch.replayid.validation.failed": [status.INVALID_ARGUMENT, "The preset CUSTOM needs a Replay ID."],
  "subscription.fetch.replay.repeated": [status.INTERNAL, "Events have been replayed before. Subscribe again."],
  "subscription.fetch.requested.events.invalid": [status.INVALID_ARGUMENT, "The number of requested events must be above 0."],
  "subscription.fetch.topic.mismatch": [status.INVALID_ARGUMENT, "The topic of a subscription cannot change."],
  "concurrent.client.limit.exceeded": [status.RESOURCE_EXHAUSTED, "The maximum number of concurrent clients has been exceeded."],
  "publish.event.count.invalid": [status.INVALID_ARGUMENT, "A request must hold from 1 to 200 events."],
  "publish.topic.cannot.publish": [status.PERMISSION_DENIED, "The user cannot publish to the topic."],
  "publish.topic.mismatch": [status.INVALID_ARGUMENT, "The topic of a publish stream cannot change."],
  "publish.stream.sweeper.timeout": [status.DEADLINE_EXCEEDED, "Nothing was published for too long."],
  "managed.subscription.already.active": [status.ALREADY_EXISTS, "The managed subscription is in use by another client."],
  "managed.subscription.config.stopped": [status.FAILED_PRECONDITION, "The managed subscription is stopped."],
  "managed.subscription.config.deleted": [status.NOT_FOUND, "The managed subscription was deleted."],
  "managed.subscription.id.not.found": [status.NOT_FOUND, "There is no managed subscription with this id."],
  "managed.subscription.developer.name.not.found": [status.NOT_FOUND, "There is no managed subscription with this developer name."],
  "managed.subscription.mismatch": [status.INVALID_ARGUMENT, "The managed subscription of a stream cannot change."],
};

/** How an RPC fails. */
export interface RpcFailure {
  /** An error code, with or without `sfdc.platform.eventbus.grpc.`. Default: there is none in the trailers. */
  code?: string;
  /** gRPC status. Default: that of the code; without a known code 14, UNAVAILABLE. */
  status?: number;
  /** Default: the text of the code. */
  message?: string;
}

/** An error of the Pub/Sub API: a gRPC status, with the error code and the id of the RPC in the trailers. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(readonly failure: RpcFailure) {
    super(failure.code ?? failure.message ?? "UNAVAILABLE");
  }

  /** Returns the error with this code. @param code without the prefix */
  static of(code: string): RpcError {
    return new RpcError({ code });
  }

  /** Returns the error as gRPC sends it. @param rpcName for example `Subscribe` */
  onWire(rpcName: string, rpcId: string): { code: number; details: string; metadata: Metadata } {
    const code = this.failure.code?.replace(PREFIX, "");
    const [known, text] = CATALOGUE[code ?? ""] ?? [status.UNAVAILABLE, "Connection dropped"];
    const metadata = new Metadata();
    const message = this.failure.message ?? text;
    if (code === undefined) return { code: this.failure.status ?? known, details: message, metadata };
    metadata.set("error-code", PREFIX + code);
    metadata.set("rpc-id", rpcId);
    metadata.set("type", rpcName);
    return { code: this.failure.status ?? known, details: `${message} rpcId: ${rpcId}`, metadata };
  }
}

/** Returns the error to send for anything that was thrown. A bug of the emulator is reported as the org reports internal errors. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  process.stderr.write(`salesforce-emulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return RpcError.of("service.unavailable");
}

/** Whether the API has this error code. */
export function isErrorCode(code: string): boolean {
  return code.replace(PREFIX, "") in CATALOGUE;
}
