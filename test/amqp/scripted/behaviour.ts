import type { Call } from "./call";
import { bindQueue, declareExchange, declareQueue } from "./declaring";
import type { ScriptedQueue, Stored } from "./queue";

/** What the broker does by itself with each method a client may send. */
export const BEHAVIOUR: Readonly<Record<string, (call: Call) => void>> = {
  "connection.start-ok": (call) => {
    call.connection.clientProperties = call.fields.clientProperties;
    const { channelMax, frameMax, heartbeat } = call.broker.tuning;
    call.reply("connection.tune", { channelMax, frameMax, heartbeat });
  },
  "connection.tune-ok": (call) => {
    const { frameMax, heartbeat } = call.fields;
    // 4.1 and later do not go below what they begin with
    if (frameMax !== 0 && frameMax < call.broker.initialFrameMax) return call.closeConnection(530, `NOT_ALLOWED - negotiated frame_max = ${frameMax} is lower than the minimum allowed value (${call.broker.initialFrameMax})`);
    call.connection.frameMax = frameMax;
    call.connection.startHeartbeats(heartbeat);
  },
  "connection.open": (call) => call.reply("connection.open-ok", {}),
  "connection.update-secret": (call) => call.reply("connection.update-secret-ok"),
  "connection.close": (call) => {
    call.connection.lose();
    call.reply("connection.close-ok");
    call.connection.end();
  },
  "connection.close-ok": (call) => call.connection.end(),
  "channel.open": (call) => {
    call.connection.openChannel(call.received.channel);
    call.reply("channel.open-ok", {});
  },
  "channel.close": (call) => {
    call.channel.closed();
    call.connection.channels.delete(call.received.channel);
    call.reply("channel.close-ok");
  },
  "channel.close-ok": (call) => void call.connection.channels.delete(call.received.channel),
  "exchange.declare": declareExchange,
  "queue.declare": declareQueue,
  "queue.bind": bindQueue,
  "queue.delete": (call) => call.reply("queue.delete-ok", { messageCount: call.broker.deleteQueue(call.fields.queue) }),
  "confirm.select": (call) => {
    call.channel.confirms = true;
    call.reply("confirm.select-ok");
  },
  "basic.qos": (call) => {
    const { global, prefetchCount } = call.fields;
    if (global && call.broker.version.atLeast(4, 3)) return call.closeConnection(541, "INTERNAL_ERROR - Feature `global_qos` is deprecated. By default, this feature is not permitted anymore.");
    call.channel.prefetch = prefetchCount;
    call.reply("basic.qos-ok");
  },
  "basic.consume": consume,
  "basic.cancel": (call) => {
    call.channel.cancel(call.fields.consumerTag);
    call.reply("basic.cancel-ok", { consumerTag: call.fields.consumerTag });
  },
  "basic.get": get,
  "basic.ack": (call) => settle(call, (queue, message) => queue.remove(message)),
  "basic.nack": (call) => settle(call, (queue, message) => (call.fields.requeue ? queue.comeBack(message, "nack") : queue.die(message, "rejected"))),
  "basic.reject": (call) => settle(call, (queue, message) => (call.fields.requeue ? queue.comeBack(message, "reject") : queue.die(message, "rejected"))),
  "basic.publish": publish,
};

function consume(call: Call): void {
  const { queue: name, consumerTag, noAck } = call.fields;
  const queue = call.broker.queues.get(name);
  if (!queue) return call.closeChannel(404, `NOT_FOUND - no queue '${name}' in vhost '/'`);
  if (queue.owner && queue.owner !== call.connection) return call.closeChannel(405, `RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${name}' in vhost '/'`);
  const { tag } = call.channel.consume(queue, consumerTag, noAck);
  call.reply("basic.consume-ok", { consumerTag: tag });
  queue.pump();
}

function get(call: Call): void {
  const { queue: name, noAck } = call.fields;
  const queue = call.broker.queues.get(name);
  if (!queue) return call.closeChannel(404, `NOT_FOUND - no queue '${name}' in vhost '/'`);
  const message = queue.takeOne(noAck);
  if (!message) return call.reply("basic.get-empty", {});
  const { exchange, routingKey, redelivered, properties, content } = message;
  const fields = { deliveryTag: call.channel.give(queue, message, noAck), redelivered, exchange, routingKey, messageCount: queue.ready.length };
  call.reply("basic.get-ok", fields, { ...properties, headers: queue.headersOf(message) }, content);
}

function settle(call: Call, end: (queue: ScriptedQueue, message: Stored) => void): void {
  const { deliveryTag, multiple } = call.fields;
  if (!call.channel.settle(deliveryTag, multiple, end)) call.closeChannel(406, `PRECONDITION_FAILED - unknown delivery tag ${deliveryTag}`);
}

function publish(call: Call): void {
  const { exchange, routingKey, mandatory } = call.fields;
  const { properties, content } = call;
  if (exchange !== "" && !call.broker.exchanges.has(exchange)) return call.closeChannel(404, `NOT_FOUND - no exchange '${exchange}' in vhost '/'`);
  const routed = call.broker.route({ exchange, routingKey, properties, content });
  // the return comes before the confirm
  if (!routed && mandatory) call.reply("basic.return", { replyCode: 312, replyText: "NO_ROUTE", exchange, routingKey }, properties, content);
  call.confirm();
}
