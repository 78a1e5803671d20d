import { connect, type ConsumeMessage } from "amqplib";
import type { FlowNode } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";

/** An `amqp out` to a queue, with the form's defaults. */
export function outNode(queue: string, wires: string[]): FlowNode {
  const where = { exchange: "", exchangeType: "str", exchangeKind: "topic", declare: false, routingKey: queue, routingKeyType: "str" };
  return { id: "out", type: "surewire-amqp-out", name: "", broker: "broker", ...where, format: "json", persistent: true, mandatory: true, confirmTimeout: 15_000, headers: "{}", headersType: "json", wires: [wires] };
}

/** Publishes all and resolves when each is confirmed; what a channel or a queue in trouble refuses is sent again. */
export async function publishAll(rabbit: RabbitMq, queue: string, contents: { id: string }[]): Promise<void> {
  const left = new Set(contents);
  const connection = await connect(rabbit.url);
  while (left.size > 0) {
    const channel = await connection.createConfirmChannel();
    channel.on("error", () => undefined);
    const confirms = [...left].map(
      (content) =>
        new Promise<void>((resolve) => {
          const body = Buffer.from(JSON.stringify(content));
          channel.sendToQueue(queue, body, { persistent: true, contentType: "application/json" }, (error: unknown) => {
            if (!error) left.delete(content);
            resolve();
          });
        }),
    );
    await Promise.all(confirms);
    await channel.close().catch(() => undefined);
  }
  await connection.close();
}

/** Takes everything out of a queue. @returns the ids */
export async function drain(rabbit: RabbitMq, queue: string): Promise<Set<string>> {
  return new Set((await drainAll(rabbit, queue)).map((payload) => (payload as { id: string }).id));
}

/** Takes everything out of a queue that is in it now, or comes meanwhile. @returns what the messages hold, as JSON says it */
export async function drainAll(rabbit: RabbitMq, queue: string): Promise<unknown[]> {
  const connection = await connect(rabbit.url);
  const channel = await connection.createChannel();
  const taken: unknown[] = [];
  const { messageCount } = await channel.checkQueue(queue);
  if (messageCount > 0) {
    // Consumed, not got one by one: that takes a quorum queue which is being filled ten times as long.
    const consumerTag = "drain";
    await new Promise<void>((resolve, reject) => {
      const take = (message: ConsumeMessage | null): void => {
        if (message) taken.push(JSON.parse(message.content.toString()));
        if (taken.length === messageCount) resolve();
      };
      channel.consume(queue, take, { noAck: true, consumerTag }).catch(reject);
    });
    await channel.cancel(consumerTag); // what was on its way comes before the answer
  }
  await connection.close();
  return taken;
}
