import amqpBroker from "../../nodes/amqp/broker/broker";
import type { QueueMessage } from "../../nodes/amqp/client/consuming/queue-message";
import { endNode, helperNodes, type Register, type Row } from "../services/helper-nodes";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { Plain } from "./support";

/** The user the tests' broker knows. */
export const GUEST = { username: "guest", password: "guest" };

/** AMQP nodes in the test helper's Node-RED, the tests' broker, and end nodes that do what the test says. */
export class NodeBench<M = QueueMessage> {
  rabbit!: RabbitMq;
  /** A plain client of the broker. */
  plain!: Plain;
  /** What the nodes of type `test-end` got, in order. */
  readonly received: M[] = [];
  /** The same, by the node's id. */
  readonly receivedBy = new Map<string, M[]>();
  /** What an end node does with a message before it is done. */
  work: (msg: M, id: string) => unknown = () => undefined;

  constructor(private readonly registers: Register[]) {}

  async open(): Promise<void> {
    this.rabbit = await sharedRabbit();
    this.plain = await Plain.to(this.rabbit);
    await helperNodes.start();
  }

  reset(): void {
    this.received.length = 0;
    this.receivedBy.clear();
    this.work = () => undefined;
  }

  async close(): Promise<void> {
    await helperNodes.stop();
    await this.plain.close();
  }

  /** Loads a flow. @param credentials by the node's id; default: those of `broker` */
  load(rows: Row[], credentials: object = { broker: GUEST }): Promise<void> {
    const end = endNode<M>((msg, id) => {
      this.received.push(msg);
      this.receivedBy.set(id, [...(this.receivedBy.get(id) ?? []), msg]);
      return this.work(msg, id);
    });
    return helperNodes.load([amqpBroker, ...this.registers, end], rows, credentials);
  }

  broker(more: object = {}): Row {
    return { id: "broker", type: "surewire-amqp-broker", name: "test", urls: [this.rabbit.url], vhost: "/", heartbeat: 15, connectTimeout: 10, ...more };
  }

  /** Waits until nothing is left of a queue, neither ready nor in somebody's hands. */
  async empty(queue: string): Promise<void> {
    await waitFor(`${queue} to be empty`, async () => (await this.inQueue(queue))?.messages === 0);
  }

  /** Waits until a message of the queue is in somebody's hands. */
  async inHand(queue: string): Promise<void> {
    await waitFor("it to be open", async () => (await this.inQueue(queue))?.unacknowledged === 1);
  }

  private async inQueue(queue: string): Promise<{ messages: number; unacknowledged: number } | undefined> {
    return (await this.rabbit.listQueues(queue)).find(({ name }) => name === queue);
  }
}

/** A {@link NodeBench} for the tests of the present suite. @param registers the nodes under test, beside the broker */
export function nodeBench<M = QueueMessage>(registers: Register[]): NodeBench<M> {
  const bench = new NodeBench<M>(registers);
  before(() => bench.open());
  beforeEach(() => bench.reset());
  afterEach(() => helperNodes.unload());
  after(() => bench.close());
  return bench;
}
