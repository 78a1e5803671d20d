import type { Channel, ChannelModel } from "amqplib";
import { within } from "../../common/deadline";
import { ConnectorError, isConnectorError } from "../../common/errors";
import { endingOf } from "./ending";
import { channelError, brokerText, replyCode } from "./errors";
import { openChannel } from "./connection/own-channel";
import { serverVersion, type ServerVersion } from "./connection/server-version";
import { ANSWER_TIMEOUT, answerIn, closeChannel } from "./connection/supervised-channel";

/** The types of queue that a node can declare. */
export type QueueType = "quorum" | "classic" | "stream";

/** A queue that must exist. It is looked for first, and declared only when it is missing. */
export interface QueueSpec {
  name: string;
  type: QueueType;
  /** Optional arguments. They replace arguments of the same name that this package sets. */
  arguments?: Record<string, unknown>;
  /** Whether only this connection may use the queue, which is deleted when the connection ends. Default false: it is durable, and everybody may use it. */
  exclusive?: boolean;
}

/** A binding of the queue to an exchange. */
export interface BindingSpec {
  exchange: string;
  /** The type with which a missing exchange is declared: one of AMQP's four, or one that a plugin brings. Default `topic`. */
  exchangeType?: string;
  /** Default "". */
  routingKey?: string;
  /** The headers that a headers exchange compares (in the way that `x-match` names), or the arguments of a plugin's exchange. */
  arguments?: Record<string, unknown>;
}

/** The queues and bindings that an `amqp in` needs on the broker. */
export interface QueueTopology {
  queue: QueueSpec;
  bindings: BindingSpec[];
  /** The name of the queue for dead letters. */
  deadLetterQueue: string;
  /** The delays of the retry steps, in ms. There is a delay queue for each. */
  retryDelays: number[];
}

/** Warns the user that a queue or an exchange exists with other properties than requested. */
export type TopologyWarning = (text: string) => void;

/** Returns the name of the delay queue of a retry step. @param delay in ms */
export function retryQueueName(queue: string, delay: number): string {
  return `${queue}.retry.${delay}`;
}

/**
 * The arguments of a quorum queue for dead-lettering without loss, even when the target is away for a while: the queue keeps its own copy until the target has confirmed.
 * The broker accepts the two only together (docs/quorum-queues); 3.9 and older refuse the first.
 */
const AT_LEAST_ONCE = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

/** Returns a delay queue. Messages that expire in it go back to `queue`. Each has one fixed time, because a message's own TTL has an effect only at the head of a queue. */
export function retryQueue(queue: string, delay: number, server: ServerVersion): QueueSpec {
  const back = { "x-message-ttl": delay, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue };
  const name = retryQueueName(queue, delay);
  // quorum queues know a message TTL from 3.10 on
  if (!server.atLeast(3, 10)) return { name, type: "classic", arguments: back };
  return { name, type: "quorum", arguments: { ...back, ...AT_LEAST_ONCE } };
}

/** Returns the queue for dead letters. @param source type of the queue they come from */
export function deadLetterQueue(name: string, source: QueueType, server: ServerVersion): QueueSpec {
  return source === "classic" ? { name, type: "classic" } : { name, type: "quorum", arguments: anyNumberOfDeliveries(server) };
}

/**
 * Returns the argument that lifts the delivery limit. Without it, quorum queues from 4.0 on drop or dead-letter a message that was given back 20 times. Up to 4.2 every
 * give-back counts, so that 20 deploys would be enough. This package counts the failures of a message itself.
 */
function anyNumberOfDeliveries(server: ServerVersion): Record<string, unknown> {
  return server.atLeast(4, 0) ? { "x-delivery-limit": -1 } : {};
}

/** Adds the arguments by which messages that a quorum queue dead-letters itself (by its users' limits and TTLs, or a policy's delivery limit) go to our dead letters. */
function withDeadLetterExchange(spec: QueueSpec, deadLetters: string, server: ServerVersion): QueueSpec {
  if (spec.type !== "quorum") return spec;
  const target = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": deadLetters };
  const strategy = server.atLeast(3, 10) ? AT_LEAST_ONCE : {};
  return { ...spec, arguments: { ...target, ...strategy, ...anyNumberOfDeliveries(server), ...spec.arguments } };
}

/**
 * Declares what is missing of the queue, its bindings and their exchanges, its delay queues and its dead-letter queue.
 *
 * @throws ConnectorError QUEUE_UNAVAILABLE, EXCHANGE_UNAVAILABLE or BROKER_UNAVAILABLE
 */
export async function declareTopology(model: ChannelModel, topology: QueueTopology, warn: TopologyWarning): Promise<void> {
  const { queue, bindings, retryDelays } = topology;
  const server = serverVersion(model);
  await asking(model, async (requests) => {
    await makeQueue(requests, deadLetterQueue(topology.deadLetterQueue, queue.exclusive ? "quorum" : queue.type, server), warn);
    await makeQueue(requests, withDeadLetterExchange(queue, topology.deadLetterQueue, server), warn);
    for (const delay of new Set(retryDelays)) await makeQueue(requests, retryQueue(queue.name, delay, server), warn);
    const made = new Set<string>();
    for (const { exchange, exchangeType, routingKey = "", arguments: args } of bindings) {
      const type = exchangeType?.trim() || "topic";
      const key = JSON.stringify([exchange, type]);
      if (!made.has(key)) await makeExchange(requests, exchange, type, warn);
      made.add(key);
      await requests.ask("queue", (channel) => channel.bindQueue(queue.name, exchange, routingKey, args));
    }
  });
}

/**
 * Declares the queue if it is missing. If it exists with other properties, it is used as it is, with a warning, because properties cannot be changed. The type is always
 * sent, because a virtual host may have another default.
 *
 * @throws ConnectorError QUEUE_UNAVAILABLE or BROKER_UNAVAILABLE
 */
export function ensureQueue(model: ChannelModel, spec: QueueSpec, warn: TopologyWarning): Promise<void> {
  return asking(model, (requests) => makeQueue(requests, spec, warn));
}

async function makeQueue(requests: Requests, spec: QueueSpec, warn: TopologyWarning): Promise<void> {
  const { exclusive = false } = spec;
  const declare = (channel: Channel): Promise<unknown> =>
    channel.assertQueue(spec.name, { durable: !exclusive, exclusive, arguments: { "x-queue-type": spec.type, ...spec.arguments } });
  await ensure(requests, "queue", `Queue ${spec.name}`, (channel) => channel.checkQueue(spec.name), declare, warn);
}

/**
 * Declares a durable exchange if it is missing, as {@link ensureQueue} does for a queue. The broker's own exchanges (`amq.…` and the default one) are not touched.
 *
 * @param patience ms that the broker may take for an answer. Default {@link ANSWER_TIMEOUT}
 * @throws ConnectorError BROKER_UNAVAILABLE or EXCHANGE_UNAVAILABLE. {@link costsConnection} is true for the latter when the broker does not have the type
 */
export function ensureExchange(model: ChannelModel, name: string, type: string, warn: TopologyWarning, patience?: number): Promise<void> {
  return asking(model, (requests) => makeExchange(requests, name, type, warn), patience);
}

async function makeExchange(requests: Requests, name: string, type: string, warn: TopologyWarning): Promise<void> {
  const { model } = requests;
  if (name === "" || name.startsWith("amq.")) return;
  const declare = async (channel: Channel): Promise<void> => {
    const ending = endingOf(model);
    try {
      await channel.assertExchange(name, type, { durable: true });
    } catch (error) {
      // the channel's error only reports that it is closed, and a mistake of another node may have ended the connection
      if (replyCode(ending.error) === COMMAND_INVALID && brokerText(ending.error).includes(`'${type}'`)) throw unknownType(name, type, ending.error);
      throw error;
    }
  };
  await ensure(requests, "exchange", `Exchange ${name}`, (channel) => channel.checkExchange(name), declare, warn);
}

/** The reply code with which a broker ends the whole connection when an exchange of a type that it does not have is declared. */
const COMMAND_INVALID = 503;

function unknownType(exchange: string, type: string, cause: unknown): ConnectorError {
  const text = `Exchange ${exchange} cannot be made: the broker has no exchange type ${type}. Is the plugin that brings it enabled?`;
  return new ConnectorError("EXCHANGE_UNAVAILABLE", text, { cause, details: { code: COMMAND_INVALID } });
}

/** Whether a request that failed with this error ends the connection for all its users. It must not be tried again before the next deploy. */
export function costsConnection(error: unknown): boolean {
  return isConnectorError(error) && error.details.code === COMMAND_INVALID;
}

async function ensure(
  requests: Requests,
  kind: "queue" | "exchange",
  label: string,
  look: (channel: Channel) => Promise<unknown>,
  declare: (channel: Channel) => Promise<unknown>,
  warn: TopologyWarning,
): Promise<void> {
  const exists = await requests.ask(kind, look).then(
    () => true,
    (error: unknown) => {
      if (replyCode((error as Error).cause) === 404) return false;
      if (replyCode((error as Error).cause) === 405) return true; // it is exclusive to another connection, which an error will tell when it is consumed
      throw error;
    },
  );
  try {
    await requests.ask(kind, declare);
  } catch (error) {
    const cause = (error as Error).cause;
    // 403: the user may not declare, which is no problem if the queue or exchange exists
    if (!exists || ![403, 405, 406].includes(replyCode(cause) ?? 0)) throw error;
    if (replyCode(cause) === 406) warn(`${label} exists with other properties and is used as it is: ${brokerText(cause)}`);
  }
}

/** Makes requests one by one. They share a channel until a refusal closes it, because each channel costs two round trips and a line may be slow. */
class Requests {
  private channel: Promise<Channel> | undefined;

  constructor(
    readonly model: ChannelModel,
    private readonly patience = ANSWER_TIMEOUT,
  ) {}

  /** Makes one request. @throws ConnectorError when it is refused or not answered in time */
  async ask<T>(kind: "queue" | "exchange", operation: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await answerIn((this.channel ??= openChannel(this.model)).then(operation), this.patience);
    } catch (error) {
      await this.close();
      throw channelError(error, kind);
    }
  }

  async close(): Promise<void> {
    const { channel } = this;
    this.channel = undefined;
    if (channel) await within(channel.then((open) => closeChannel(open, 1_000)), 1_000).catch(() => undefined); // a channel that opens later than that is closed then
  }}

async function asking(model: ChannelModel, work: (requests: Requests) => Promise<void>, patience?: number): Promise<void> {
  const requests = new Requests(model, patience);
  try {
    await work(requests);
  } finally {
    await requests.close();
  }
}
