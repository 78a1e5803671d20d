import type { ChannelModel } from "amqplib";
import { ConnectorError, isConnectorError } from "../../common/errors";
import type { Connection } from "../client/connection/connection";
import { brokerText, channelError, replyCode } from "../client/errors";
import { blockedFor } from "../client/publishing/publish-faults";
import { onOwnChannel } from "../client/connection/own-channel";
import { serverVersion } from "../client/connection/server-version";
import { answerIn } from "../client/connection/supervised-channel";
import { deadLetterQueue, ensureQueue, type TopologyWarning } from "../client/topology";

/** How many exchanges are remembered. Dead letters usually come from a handful. */
const REMEMBERED = 1_000;

/** Checks that an exchange or the parking queue exists before dead letters are published there. Publishing to a missing exchange would close the channel for all. */
export class Destinations {
  private readonly exchanges = new Map<string, ConnectorError | undefined>();
  private parking: { problem: ConnectorError | undefined } | undefined;

  /** @param timing `answerWithin`: ms that the broker may take for an answer; less than the time that Node-RED gives a node to close */
  constructor(
    private readonly connection: Connection,
    private readonly warn: TopologyWarning,
    private readonly timing = { answerWithin: 10_000 },
  ) {}

  /** @returns an error if the exchange is missing @throws ConnectorError BROKER_UNAVAILABLE */
  async problemOfExchange(name: string): Promise<ConnectorError | undefined> {
    if (name === "") return undefined;
    if (!this.exchanges.has(name)) {
      if (this.exchanges.size >= REMEMBERED) this.exchanges.clear();
      this.exchanges.set(name, await this.answer(lookForExchange(this.model(), name)));
    }
    return this.exchanges.get(name);
  }

  /** Makes the parking queue if it is missing. @returns an error if it cannot be used @throws ConnectorError BROKER_UNAVAILABLE */
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

  /** Waits for an answer, but not for long: a broker that blocks publishers answers nothing, and the run holds messages meanwhile. */
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

/** Looks for an exchange, on a channel of its own, since the broker closes the channel if the exchange is missing. */
async function lookForExchange(model: ChannelModel, name: string): Promise<ConnectorError | undefined> {
  try {
    await onOwnChannel(model, (channel) => channel.checkExchange(name));
    return undefined;
  } catch (error) {
    // any other refusal (no right to look, say) does not tell whether we can publish
    if (replyCode(error) !== 404) return undefined;
    return new ConnectorError("EXCHANGE_UNAVAILABLE", brokerText(error), { cause: error });
  }
}
