import type { ChannelModel } from "amqplib";
import { ConnectorError, isConnectorError } from "../../common/errors";
import type { Connection } from "../client/connection";
import { brokerText, channelError, replyCode } from "../client/errors";
import { blockedFor } from "../client/publish-faults";
import { answerIn, closeChannel } from "../client/supervised-channel";
import { deadLetterQueue, ensureQueue, serverVersion, type TopologyWarning } from "../client/topology";

/** So many exchanges are remembered; real dead letters come from a handful. */
const REMEMBERED = 1_000;

/** Looks before dead letters are published: one that went to an exchange which is not there would close the channel under all others. */
export class Destinations {
  private readonly exchanges = new Map<string, ConnectorError | undefined>();
  private parking: { problem: ConnectorError | undefined } | undefined;

  /** @param answerWithin ms that the broker may take for an answer: less than Node-RED gives a node to close */
  constructor(
    private readonly connection: Connection,
    private readonly warn: TopologyWarning,
    private readonly timing = { answerWithin: 10_000 },
  ) {}

  /** Why nothing can be published to the exchange, if it is missing. @throws ConnectorError BROKER_UNAVAILABLE */
  async problemOfExchange(name: string): Promise<ConnectorError | undefined> {
    if (name === "") return undefined;
    if (!this.exchanges.has(name)) {
      if (this.exchanges.size >= REMEMBERED) this.exchanges.clear();
      this.exchanges.set(name, await this.answer(lookForExchange(this.model(), name)));
    }
    return this.exchanges.get(name);
  }

  /** Makes the parking queue if it is missing. @returns why it cannot be used @throws ConnectorError BROKER_UNAVAILABLE */
  async problemOfParkingQueue(name: string): Promise<ConnectorError | undefined> {
    this.parking ??= { problem: await this.makeParkingQueue(name) };
    return this.parking.problem;
  }

  private async makeParkingQueue(name: string): Promise<ConnectorError | undefined> {
    try {
      const model = this.model();
      await this.answer(ensureQueue(model, deadLetterQueue(name, "quorum", serverVersion(model)), this.warn));
      return undefined;
    } catch (error) {
      if (isConnectorError(error) && error.code === "QUEUE_UNAVAILABLE") return error;
      throw error;
    }
  }

  /** A broker that blocks who publishes answers nothing: the run must not wait for that, with all it holds. */
  private answer<T>(look: Promise<T>): Promise<T> {
    return answerIn(look, this.timing.answerWithin).catch((error: unknown) => {
      throw channelError(error, "exchange");
    });
  }

  private model(): ChannelModel {
    const { state } = this.connection;
    if (state.kind === "blocked") throw blockedFor(state.reason);
    if (this.connection.model) return this.connection.model;
    throw new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
  }
}

/** On a channel of its own, because the broker answers by closing it. */
async function lookForExchange(model: ChannelModel, name: string): Promise<ConnectorError | undefined> {
  const channel = await model.createChannel();
  channel.on("error", () => undefined); // the refusal itself says it
  try {
    await channel.checkExchange(name);
    return undefined;
  } catch (error) {
    // any other refusal (no right to look) says nothing about publishing
    if (replyCode(error) !== 404) return undefined;
    return new ConnectorError("EXCHANGE_UNAVAILABLE", brokerText(error), { cause: error });
  } finally {
    await closeChannel(channel, 1_000);
  }
}
