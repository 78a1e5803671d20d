import { isDeepStrictEqual } from "node:util";
import type { Call } from "./call";

/** What 4.3 denies by default, whatever the client: it answers by closing the whole connection. */
function isDenied({ broker, fields }: Call): string | undefined {
  if (!broker.version.atLeast(4, 3)) return undefined;
  const { durable, exclusive, arguments: args } = fields;
  if (!durable && !exclusive) return "transient_nonexcl_queues";
  if ("x-queue-mode" in args) return "classic_queue_lazy_mode";
  if (args["x-queue-version"] === 1) return "classic_queue_version_1";
  if ("x-queue-master-locator" in args) return "queue_master_locator";
  return undefined;
}

/** What a kind of queue cannot be. */
function isImpossible({ durable, exclusive, autoDelete, queue }: Call["fields"], type: string): string | undefined {
  if (type === "classic") return undefined;
  if (!durable) return "non-durable";
  if (exclusive) return "exclusive";
  if (autoDelete) return "auto-delete";
  return queue === "" ? "server-named" : undefined;
}

/** `queue.declare`, passive or not. */
export function declareQueue(call: Call): void {
  const { broker, fields, connection } = call;
  const known = broker.queues.get(fields.queue);
  if (known?.owner && known.owner !== connection) {
    return call.closeChannel(405, `RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${fields.queue}' in vhost '/'`);
  }
  if (known && fields.passive) return declared(call, fields.queue);
  if (fields.passive) return call.closeChannel(404, `NOT_FOUND - no queue '${fields.queue}' in vhost '/'`);

  const denied = isDenied(call);
  if (denied) return call.closeConnection(541, `INTERNAL_ERROR - Feature \`${denied}\` is deprecated. By default, this feature is not permitted anymore.`);
  const args = { "x-queue-type": broker.defaultQueueType, ...fields.arguments };
  const type = String(args["x-queue-type"]);
  const impossible = isImpossible(fields, type);
  if (impossible) return call.closeChannel(406, `PRECONDITION_FAILED - invalid property '${impossible}' for queue '${fields.queue}' in vhost '/'`);
  if (known && !isDeepStrictEqual(known.args, args)) {
    return call.closeChannel(406, `PRECONDITION_FAILED - inequivalent arg for queue '${fields.queue}' in vhost '/'`);
  }
  const name = fields.queue || broker.inventName();
  if (!known) broker.makeQueue(name, args, fields.exclusive ? connection : undefined);
  declared(call, name);
}

function declared(call: Call, name: string): void {
  const queue = call.broker.queue(name);
  call.reply("queue.declare-ok", { queue: name, messageCount: queue.ready.length, consumerCount: queue.takers.length });
}

/** `exchange.declare`, passive or not. */
export function declareExchange(call: Call): void {
  const { broker, fields } = call;
  const known = broker.exchanges.get(fields.exchange);
  if (!known && fields.passive) return call.closeChannel(404, `NOT_FOUND - no exchange '${fields.exchange}' in vhost '/'`);
  if (known && !fields.passive && (known.type !== fields.type || known.durable !== fields.durable)) {
    return call.closeChannel(406, `PRECONDITION_FAILED - inequivalent arg 'type' for exchange '${fields.exchange}' in vhost '/'`);
  }
  if (!known) broker.makeExchange(fields.exchange, fields.type, fields.durable);
  call.reply("exchange.declare-ok");
}

/** `queue.bind`. */
export function bindQueue(call: Call): void {
  const { queue, exchange, routingKey, arguments: args } = call.fields;
  const found = call.broker.exchanges.get(exchange);
  if (!found) return call.closeChannel(404, `NOT_FOUND - no exchange '${exchange}' in vhost '/'`);
  if (!call.broker.queues.has(queue)) return call.closeChannel(404, `NOT_FOUND - no queue '${queue}' in vhost '/'`);
  found.bindings.push({ queue, routingKey, args });
  call.reply("queue.bind-ok");
}
