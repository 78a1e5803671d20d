import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { connect } from "amqplib";
import { NodeRed, type FlowNode } from "../services/node-red";
import { RabbitCluster } from "../services/rabbit-cluster";
import type { RabbitMq } from "../services/rabbitmq";
import { waitFor } from "../services/wait";
import { drain, outNode, publishAll } from "./amqp-flow";
import { brokerNode, deadLetters, inNode, messages, tab, untilEmpty } from "./bridge";

/** Messages a test sends: 2,000, or what `npm run soak` asks for up to 20,000. */
const COUNT = Math.min(20_000, Number(process.env.SUREWIRE_MESSAGES ?? 2_000));
const scaled = (ms: number): number => ms * Math.max(1, COUNT / 2_000);

/** All four cases take a minute more than the one that says most. */
const THOROUGH = process.env.SUREWIRE_MESSAGES !== undefined;

/** ms from the kill until what is published after it comes through. */
const CONSUMING_AGAIN = 15_000;
/** Sent before the kill: as many in the long version, whose backlog would count as time without a consumer. */
const EARLY = Math.min(COUNT, 2_000) / 2;

describe("a queue on a cluster of three, while a node of it is killed", function () {
  this.timeout(scaled(240_000));
  const cluster = new RabbitCluster();
  const nodeRed = new NodeRed();

  before(() => Promise.all([cluster.start(), nodeRed.start()]));
  beforeEach(() => Promise.all(cluster.members.map((member) => member.start())));
  after(async () => {
    await nodeRed.stop();
    await cluster.stop();
  });

  /** In → function → out, and behind it the ids of what the broker has confirmed, a line each. */
  function flow(source: string, target: string, confirmed: string): FlowNode[] {
    return tab(
      { ...brokerNode(cluster.running), urls: cluster.urls },
      inNode(source, ["work"], { prefetch: 100 }),
      // at most 500 a second: what is to break in the middle has a second or two for it
      { id: "work", type: "function", func: "msg.payload.worked = true; setTimeout(() => { node.send(msg); node.done(); }, 200);", outputs: 1, wires: [["out"]] },
      outNode(target, ["id"]),
      { id: "id", type: "function", func: "msg.payload = msg.payload.id; return msg;", outputs: 1, wires: [["file"]] },
      { id: "file", type: "file", filename: confirmed, filenameType: "str", appendNewline: true, createDir: false, overwriteFile: "false", encoding: "none" },
    );
  }

  /** Makes a quorum queue of three members that is led by `leader`. */
  async function makeQueue(leader: RabbitMq, name: string): Promise<void> {
    const connection = await connect(leader.url);
    const channel = await connection.createChannel();
    await channel.assertQueue(name, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await connection.close();
  }

  /** Resolves when Node-RED consumes the queue. */
  async function untilConsumed(rabbit: RabbitMq, queue: string): Promise<void> {
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    await waitFor("the consumer", async () => (await channel.checkQueue(queue)).consumerCount === 1);
    await connection.close();
  }

  /** The ports of the nodes that Node-RED is connected to. */
  async function connectedTo(): Promise<number[]> {
    const ours = (await cluster.running.listConnections()).filter(({ clientName }) => clientName.startsWith("node-red"));
    return [...new Set(ours.map(({ port }) => port))];
  }

  interface Fault {
    name: string;
    /** Indices of the nodes that lead the queue and the one it goes out to, and of the one that dies. Node-RED is connected to node 0. */
    source: number;
    target: number;
    killed: number;
  }

  const always: Fault[] = [{ name: "that leads both queues and that Node-RED is connected to", source: 0, target: 0, killed: 0 }];
  const thorough: Fault[] = [
    { name: "that leads the queue", source: 1, target: 2, killed: 1 },
    { name: "that leads the queue it goes out to", source: 1, target: 2, killed: 2 },
    { name: "that Node-RED is connected to", source: 1, target: 2, killed: 0 },
  ];
  for (const [index, { name, source, target, killed }] of [...always, ...(THOROUGH ? thorough : [])].entries()) {
    it(`loses nothing to the death of the one ${name}, and consumes again in under 15 s`, async () => {
      const member = (at: number): RabbitMq => cluster.members[at] as RabbitMq;
      const [from, to] = [`cluster.${index}.from`, `cluster.${index}.to`];
      const file = path.join(nodeRed.userDir, `${to}.txt`);
      const confirmed = (): string[] => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);
      await makeQueue(member(source), from);
      await makeQueue(member(target), to);
      await nodeRed.deploy(flow(from, to, file));
      await untilConsumed(member(source), from);
      assert.equal((await cluster.leaderOf(killed === target ? to : from)).port, member(killed === target ? target : source).port);
      if (killed === 0) assert.deepEqual(await connectedTo(), [member(0).port]);
      else assert.ok(!(await connectedTo()).includes(member(killed).port));
      await Promise.all(cluster.members.map((each) => each.writeDown()));

      const sent = messages(COUNT);
      const [early, late] = [sent.slice(0, EARLY), sent.slice(EARLY)];
      const survivor = member(killed === 2 ? 0 : 2);
      const publishing = publishAll(survivor, from, early);
      await waitFor("a quarter to be through", () => confirmed().length >= EARLY / 4, { interval: 5, timeout: 30_000 });
      assert.ok(confirmed().length < EARLY, "all was through before the kill");
      await member(killed).kill();
      const began = Date.now();
      await publishing;
      const publishingLate = publishAll(survivor, from, late);
      const lateIds = new Set(late.map(({ id }) => id));
      await waitFor("consuming again", () => confirmed().some((id) => lateIds.has(id)), { timeout: 120_000, interval: 20 });
      const took = Date.now() - began;
      assert.ok(took < CONSUMING_AGAIN, `consuming again after ${took} ms`);
      await publishingLate;

      await waitFor("all ids", () => new Set(confirmed()).size === COUNT, { timeout: scaled(60_000) });
      await untilEmpty(survivor, from, scaled(60_000));
      assert.deepEqual([...(await drain(survivor, to))].sort(), sent.map(({ id }) => id));
      assert.equal(await deadLetters(survivor, from), 0);
      if (THOROUGH) console.log(`      ${COUNT} messages: none lost, none unsettled, consuming again after ${(took / 1_000).toFixed(1)} s`);
    });
  }
});
