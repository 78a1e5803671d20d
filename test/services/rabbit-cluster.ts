import { randomUUID } from "node:crypto";
import { PortMapper } from "./port-mapper";
import { RabbitMq } from "./rabbitmq";
import { freePorts, waitFor } from "./wait";

/** A cluster of three RabbitMQ nodes on the loopback interface. Each has its own ports and folder, so that one can be killed and started again. */
export class RabbitCluster {
  /** The three nodes. Empty until {@link start} has resolved. */
  members: RabbitMq[] = [];
  readonly #mapper = new PortMapper();

  /** Starts all three at once. Resolves when they are one cluster. */
  async start(): Promise<this> {
    await this.#mapper.start();
    const ports = await portBlocks(3);
    const settings = [
      "cluster_formation.peer_discovery_backend = classic_config",
      "cluster_formation.randomized_startup_delay_range.min = 0",
      "cluster_formation.randomized_startup_delay_range.max = 1",
      ...ports.map((port, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${RabbitMq.nodeName(port)}`),
    ];
    const membership = { cookie: randomUUID(), epmdPort: this.#mapper.port };
    this.members = ports.map((port) => new RabbitMq({ port, settings, membership }));
    await Promise.all(this.members.map((member) => member.start()));
    await waitFor("the three to be one cluster", async () => (await this.#runningNodes()).length === ports.length, { timeout: 60_000 });
    return this;
  }

  /** Kills all three at once, since nobody will read their data. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await Promise.all([...this.members, this.#mapper].map((service) => service.stop()));
  }

  /** The URLs of all nodes, in order: `amqp://127.0.0.1:<port>`. */
  get urls(): string[] {
    return this.members.map(({ url }) => url);
  }

  /** A node that runs. @throws Error when none does */
  get running(): RabbitMq {
    const found = this.members.find(({ isRunning }) => isRunning);
    if (!found) throw new Error("No node of the cluster runs");
    return found;
  }

  /** Returns the node that leads a quorum queue. @throws Error when the queue has no leader */
  async leaderOf(queue: string): Promise<RabbitMq> {
    const rows = await this.running.evaluate<{ name: string; leader: string }[]>(LEADERS);
    const leader = rows.find(({ name }) => name === queue)?.leader;
    const member = this.members.find(({ port }) => RabbitMq.nodeName(port) === leader);
    if (!member) throw new Error(`Queue ${queue} has no leader: ${JSON.stringify(rows)}`);
    return member;
  }

  async #runningNodes(): Promise<string[]> {
    return this.running.evaluate<string[]>("rabbit_nodes:all_running()");
  }
}

const LEADERS = `[#{name => Name, leader => Leader} || [{name, {_, _, _, Name}}, {leader, Leader}] <- rabbit_amqqueue:info_all(<<"/">>, [name, leader])]`;

/** Returns the first ports of `count` blocks of ports that do not overlap. */
async function portBlocks(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePorts(8));
  return [...ports];
}
