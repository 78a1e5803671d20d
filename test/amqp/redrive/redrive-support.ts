import { connect, type ChannelModel, type ConsumeMessage, type Message } from "amqplib";
import { Broker, type BrokerLink } from "../../../nodes/amqp/client/broker";
import { deadLetterCopy, type Failure } from "../../../nodes/amqp/client/consuming/retry-and-dead-letter";
import { RedriveRun, type RedriveOrder, type RedriveRunOptions, type RedriveSettings } from "../../../nodes/amqp/redrive/redrive-run";
import type { RedriveReport } from "../../../nodes/amqp/redrive/report";
import { ConnectorError } from "../../../nodes/common/errors";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { Plain, quick, text, unique } from "../support";

/** What differs from a run of everything, back to the origin. */
export type Case = Partial<Omit<RedriveRunOptions, "settings" | "order">> & { settings?: Partial<RedriveSettings>; order?: Partial<RedriveOrder> };

/** A report, but for the time it took. */
export type Said = Omit<RedriveReport, "seconds">;

/** What a dead letter was, beside its content. */
type Dead = Partial<Failure> & { exchange?: string; routingKey?: string; properties?: object };

/** Contents "0", "1" … */
export { range } from "../support";

/** Made in a tenth of the time that a quorum queue takes. */
export const CLASSIC = { "x-queue-type": "classic" };

/** A report that says no more than this. */
export const said = (more: Partial<Said>): Said => ({ moved: 0, parked: 0, skipped: 0, failed: 0, left: 0, dryRun: false, errors: [], ...more });

/** What a run fails with. */
export const failureOf = (run: RedriveRun): Promise<ConnectorError> =>
  run.run().then(
    () => {
      throw new Error("the run did not fail");
    },
    (error: unknown) => error as ConnectorError,
  );

const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");

/** The tests' broker, with what redrive runs need on it. */
export class RedriveBench {
  private constructor(
    readonly rabbit: RabbitMq,
    readonly plain: Plain,
    readonly reader: ChannelModel,
    private readonly broker: Broker,
    readonly link: BrokerLink,
  ) {}

  static async open(): Promise<RedriveBench> {
    const rabbit = await sharedRabbit();
    const broker = new Broker({ urls: [rabbit.url], backOff: quick() });
    return new RedriveBench(rabbit, await Plain.to(rabbit), await connect(rabbit.url, { noDelay: true }), broker, broker.acquire(rabbit));
  }

  async close(): Promise<void> {
    await this.broker.release(this.rabbit);
    await this.reader.close();
    await this.plain.close();
  }

  run(queue: string, { settings, order, ...more }: Case = {}): RedriveRun {
    return new RedriveRun({
      link: this.link,
      settings: { queue, rate: undefined, maxRedrives: 3, parkingQueue: `${queue}.parking`, format: "auto", ...settings },
      order: { limit: undefined, dryRun: false, target: { kind: "origin" }, ...order },
      warn: () => undefined,
      ...more,
    });
  }

  async redrive(queue: string, what: Case = {}): Promise<Said> {
    const { seconds: _seconds, ...report } = await this.run(queue, what).run();
    return report;
  }

  /** A queue and its dead-letter queue. */
  async pair(name: string): Promise<{ queue: string; dlq: string }> {
    const queue = await this.plain.makeQueue(unique(name), CLASSIC);
    return { queue, dlq: await this.plain.makeQueue(`${queue}.dlq`, CLASSIC) };
  }

  /** Dead letters of `queue`, as `amqp in` leaves them. */
  async die(queue: string, contents: (string | Buffer)[], { properties = {}, exchange = "plant", routingKey = "line.7", ...failure }: Dead = {}): Promise<void> {
    const message = { content: Buffer.alloc(0), fields: { exchange, routingKey }, properties } as unknown as Message;
    const { options } = deadLetterCopy(message, `${queue}.dlq`, { error: refused, queue, attempts: 2, ...failure });
    await this.plain.send(`${queue}.dlq`, contents, options);
  }

  async depth(queue: string): Promise<number> {
    return (await this.plain.count(queue)).messages;
  }

  /** Takes all that is there. */
  async drain(queue: string): Promise<ConsumeMessage[]> {
    const count = await this.depth(queue);
    const found: ConsumeMessage[] = [];
    if (count === 0) return found;
    const channel = await this.reader.createChannel();
    await channel.consume(queue, (message) => message && found.push(message), { noAck: true });
    await waitFor(`${count} messages in ${queue}`, () => found.length >= count, { interval: 5 });
    await channel.close();
    return found;
  }

  /** Takes all that is there, as text. */
  async contents(queue: string): Promise<string[]> {
    return (await this.drain(queue)).map(text);
  }
}
