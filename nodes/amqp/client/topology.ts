import type { Channel, ChannelModel } from "amqplib";
import { within } from "../../common/deadline";
import { ConnectorError, isConnectorError } from "../../common/errors";
import { endingOf } from "./ending";
import { channelError, brokerText, replyCode } from "./errors";
import { ANSWER_TIMEOUT, answerIn, closeChannel } from "./supervised-channel";

/** Kinds of queue a node can declare. */
export type QueueType = "quorum" | "classic" | "stream";

/** A queue to be there: looked for first, made only when missing. */
export interface QueueSpec {
  name: string;
  type: QueueType;
  /** Optional arguments; they win over those of the node. */
  arguments?: Record<string, unknown>;
  /** Only for this connection, and gone with it. Default false: durable, for everybody. */
  exclusive?: boolean;
}

/** An exchange and what it routes to the queue. */
export interface BindingSpec {
  exchange: string;
  /** Type the exchange is made with when it is missing: one of the four of AMQP, or of a plugin. Default `topic`. */
  exchangeType?: string;
  /** Default "". */
  routingKey?: string;
  /** What a headers exchange compares (`x-match` says how), or a plugin's exchange wants to know. */
  arguments?: Record<string, unknown>;
}

/** What an `amqp in` needs on the broker. */
export interface QueueTopology {
  queue: QueueSpec;
  bindings: BindingSpec[];
  /** Where dead letters go. */
  deadLetterQueue: string;
  /** Delays of the retry steps, in ms: a delay queue for each. */
  retryDelays: number[];
}

/** What there is to tell the user: the queue exists with other properties than asked for. */
export type TopologyWarning = (text: string) => void;

/** Name of the delay queue of a retry step. */
export function retryQueueName(queue: string, delay: number): string {
  return `${queue}.retry.${delay}`;
}

/**
 * A dead-lettering that loses nothing on the way, even when the target is away for a while. The broker takes these two only together
 * (docs/quorum-queues); 3.9 and older refuse the first. A quorum queue keeps its own copy until the target has confirmed.
 */
const AT_LEAST_ONCE = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

/** A delay queue: what expires in it goes back to `queue`. One fixed time a queue, since a message's own TTL only works at its head. */
export function retryQueue(queue: string, delay: number, server: ServerVersion): QueueSpec {
  const back = { "x-message-ttl": delay, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue };
  const name = retryQueueName(queue, delay);
  // quorum queues know a message TTL from 3.10 on
  if (!server.atLeast(3, 10)) return { name, type: "classic", arguments: back };
  return { name, type: "quorum", arguments: { ...back, ...AT_LEAST_ONCE } };
}

/** The queue that dead letters wait in. */
export function deadLetterQueue(name: string, source: QueueType, server: ServerVersion): QueueSpec {
  return source === "classic" ? { name, type: "classic" } : { name, type: "quorum", arguments: anyNumberOfDeliveries(server) };
}

/**
 * Quorum queues of 4.0 and later drop or dead-letter what was given back 20 times, unless told otherwise. Up to 4.2 every give-back counts,
 * so that 20 deploys would do: how often a message has failed is counted by this pack, not by the broker.
 */
function anyNumberOfDeliveries(server: ServerVersion): Record<string, unknown> {
  return server.atLeast(4, 0) ? { "x-delivery-limit": -1 } : {};
}

/** What a quorum queue dead-letters by itself (its users' limits and TTLs, a delivery limit set by policy) lands with the dead letters. */
function withDeadLetterExchange(spec: QueueSpec, deadLetters: string, server: ServerVersion): QueueSpec {
  if (spec.type !== "quorum") return spec;
  const target = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": deadLetters };
  const strategy = server.atLeast(3, 10) ? AT_LEAST_ONCE : {};
  return { ...spec, arguments: { ...target, ...strategy, ...anyNumberOfDeliveries(server), ...spec.arguments } };
}

/** Makes sure of the queue, its bindings, its delay queues and its dead-letter queue. @throws ConnectorError QUEUE_UNAVAILABLE or EXCHANGE_UNAVAILABLE */
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
 * Makes the queue when it is missing. One that exists with other properties is used as it is, with a warning: properties cannot be
 * changed, and a refused redeclaration closes the channel. The type is always sent, because a vhost may have another default.
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
 * The same for an exchange, durable. Those the broker brings (`amq.…` and the default one) are left alone.
 *
 * @param patience ms that the broker may take for an answer
 * @throws ConnectorError BROKER_UNAVAILABLE, or EXCHANGE_UNAVAILABLE, for which {@link costsConnection} is true when the broker has no such type
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
      // the channel only says that it is gone; another node's mistake may have ended the connection, too
      if (replyCode(ending.error) === COMMAND_INVALID && brokerText(ending.error).includes(`'${type}'`)) throw unknownType(name, type, ending.error);
      throw error;
    }
  };
  await ensure(requests, "exchange", `Exchange ${name}`, (channel) => channel.checkExchange(name), declare, warn);
}

/** What a broker ends the whole connection with when an exchange is to be of a type it does not have. */
const COMMAND_INVALID = 503;

function unknownType(exchange: string, type: string, cause: unknown): ConnectorError {
  const text = `Exchange ${exchange} cannot be made: the broker has no exchange type ${type}. Is the plugin that brings it enabled?`;
  return new ConnectorError("EXCHANGE_UNAVAILABLE", text, { cause, details: { code: COMMAND_INVALID } });
}

/** Whether what ended with this error takes the connection away from everybody: not to be tried again before the next deploy. */
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
      if (replyCode((error as Error).cause) === 405) return true; // exclusive to another connection: consuming will say so
      throw error;
    },
  );
  try {
    await requests.ask(kind, declare);
  } catch (error) {
    const cause = (error as Error).cause;
    // 403: no right to declare, and none is needed for what exists
    if (!exists || ![403, 405, 406].includes(replyCode(cause) ?? 0)) throw error;
    if (replyCode(cause) === 406) warn(`${label} exists with other properties and is used as it is: ${brokerText(cause)}`);
  }
}

/** Makes requests one after the other, on one channel until a refusal closes it: a line may be slow, and each channel costs two round trips. */
class Requests {
  private channel: Promise<Channel> | undefined;

  constructor(
    readonly model: ChannelModel,
    private readonly patience = ANSWER_TIMEOUT,
  ) {}

  /** @throws ConnectorError */
  async ask<T>(kind: "queue" | "exchange", operation: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await answerIn((this.channel ??= this.open()).then(operation), this.patience);
    } catch (error) {
      await this.close();
      throw channelError(error, kind);
    }
  }

  async close(): Promise<void> {
    const { channel } = this;
    this.channel = undefined;
    if (channel) await within(channel.then((open) => closeChannel(open, 1_000)), 1_000).catch(() => undefined); // or when it comes, if ever
  }

  private async open(): Promise<Channel> {
    const channel = await this.model.createChannel();
    channel.on("error", () => undefined); // the operation's own promise says it
    return channel;
  }
}

async function asking(model: ChannelModel, work: (requests: Requests) => Promise<void>, patience?: number): Promise<void> {
  const requests = new Requests(model, patience);
  try {
    await work(requests);
  } finally {
    await requests.close();
  }
}

/** A server's version, for what only newer ones can do. */
export interface ServerVersion {
  atLeast(major: number, minor: number): boolean;
}

/** The version of the server at the other end; one that does not say counts as new. */
export function serverVersion(model: ChannelModel): ServerVersion {
  const [major = NaN, minor = NaN] = String(model.connection.serverProperties.version ?? "").split(".").map(Number);
  return {
    atLeast(wantedMajor, wantedMinor) {
      if (Number.isNaN(major)) return true;
      return major > wantedMajor || (major === wantedMajor && (Number.isNaN(minor) || minor >= wantedMinor));
    },
  };
}
