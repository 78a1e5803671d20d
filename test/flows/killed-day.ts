import assert from "node:assert/strict";
import { connect, type Channel, type ChannelModel } from "amqplib";
import { type Emulator, startEmulator } from "../../emulator/src/index";
import type { RoutePayload } from "../../nodes/salesforce/client/routing/outgoing";
import { ORG, ROUTES } from "../salesforce/route/route-flow";
import { formDefaults } from "../services/form-defaults";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import { brokerNode, inNode, orgNode, postgresNode, publish, tab } from "./bridge";

/** ms until a request without an answer is made again: longer than a busy machine takes for those of a kill. */
const ANSWER_TIMEOUT = 20_000;
/** Cases that come at once. */
const BURST = 10;
/** How often each Node-RED is killed, each time when it has put out so many messages since it was started. What is in its hands at three kills may be taken for their cause, and given up. */
const KILLS = 2;
const AT_WORK = 30;

/** A contact centre behind a queue: it makes one interaction a request, and answers through another queue. */
class ContactCentre {
  /** By request. */
  readonly interactions = new Map<string, { id: string; caseId: string; workgroup: string }>();
  /** How often each case's update has come. */
  readonly updates = new Map<string, number>();
  creates = 0;
  /** Messages of all kinds. */
  taken = 0;
  private connection: ChannelModel | undefined;

  constructor(
    private readonly rabbit: RabbitMq,
    private readonly queues: { requests: string; answers: string },
  ) {}

  async open(): Promise<void> {
    for (const queue of Object.values(this.queues)) await publish(this.rabbit, queue, []);
    this.connection = await connect(this.rabbit.url);
    const channel = await this.connection.createChannel();
    await channel.prefetch(100);
    await channel.consume(this.queues.requests, (message) => {
      if (!message) return;
      this.take(channel, JSON.parse(message.content.toString()) as RoutePayload);
      channel.ack(message);
    });
  }

  async close(): Promise<void> {
    await this.connection?.close();
  }

  private take(channel: Channel, { action, request = "", workgroup, case: { id: caseId } }: RoutePayload): void {
    this.taken += 1;
    if (action === "update") this.updates.set(caseId, (this.updates.get(caseId) ?? 0) + 1);
    if (action !== "create") return;
    this.creates += 1;
    const interaction = this.interactions.get(request) ?? { id: `I${this.interactions.size}`, caseId, workgroup };
    this.interactions.set(request, interaction);
    channel.sendToQueue(this.queues.answers, Buffer.from(JSON.stringify({ caseId, interactionId: interaction.id, request, status: "created" })), { persistent: true, contentType: "application/json" });
  }
}

/**
 * Describes a day of so many cases on whose way Node-RED is killed again and again, each with an e-mail of the customer.
 *
 * @param instances 2: side by side on one PostgreSQL, killed in turn; 1: on its own disk
 */
export function describeKilledDay(cases: number, instances: 1 | 2): void {
  describe(`a day of ${cases} cases with ${instances} Node-RED that ${instances === 1 ? "is" : "are"} killed`, function () {
    this.timeout(Math.max(180_000, cases * 200));
    const nodeReds = Array.from({ length: instances }, () => new NodeRed());
    const queues = { requests: `day_requests_${instances}`, answers: `day_answers_${instances}` };
    let org: Emulator;
    let rabbit: RabbitMq;
    let centre: ContactCentre;
    let owners: string[];

    before(async () => {
      rabbit = await sharedRabbit();
      org = await startEmulator({ ...ORG, cometd: { timeout: 2_000, maxInterval: 3_000 } });
      for (const name of ["DailyApiRequests", "DailyDeliveredPlatformEvents"] as const) org.control.setLimit({ name, max: 10_000_000 });
      owners = ROUTES.map(({ queue }) => org.control.addQueue({ name: queue }).id);
      centre = new ContactCentre(rabbit, queues);
      await centre.open();
      const postgres = await sharedPostgres();
      await postgres.query("drop table if exists surewire_store");
      const shared = instances === 1 ? {} : { store: "database", standby: true, leaseTime: 3 };
      const markFields = [{ field: "Interaction__c", value: "routing.interactionId", valueType: "msg" }];
      const out = { ...{ id: "out", type: "surewire-amqp-out" }, ...formDefaults("surewire-amqp-out", "nodes/amqp/out/out.html"), broker: "broker", exchange: "", routingKey: queues.requests, declare: false };
      const flow: FlowNode[] = tab(
        brokerNode(rabbit),
        orgNode(org.url),
        ...(instances === 1 ? [] : [postgresNode(postgres)]),
        {
          ...{ id: "listen", type: "surewire-salesforce-listen" },
          ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
          ...{ org: "org", channel: "/data/ChangeEvents", listener: "day", wires: [["route"], []] },
          ...shared,
        },
        { ...inNode(queues.answers, ["route"], { retryDelay: 100 }) },
        {
          ...{ id: "route", type: "surewire-salesforce-route" },
          ...formDefaults("surewire-salesforce-route", "nodes/salesforce/route/route.html"),
          ...{ org: "org", routes: ROUTES, skillsField: "", answerTimeout: ANSWER_TIMEOUT, markFields, stateName: "day", wires: [["out"], ["out"], ["out"]] },
          ...shared,
        },
        out,
      );
      for (const one of nodeReds) {
        await one.start();
        await one.deploy(flow);
      }
      await waitFor("a subscription", () => org.control.listStreams().streams.some(({ channels }) => channels.length > 0), { timeout: 30_000 });
    });
    after(async () => {
      await Promise.all(nodeReds.map((one) => one.stop()));
      await centre?.close();
      await org?.stop();
    });

    it("hands each case to its work group at least once and asks for one interaction, and loses no update", async () => {
      const expected = new Map<string, string>();
      const mailed = new Set<string>();
      let kills = 0;

      /** The customer writes on each case that is marked and has had no e-mail. */
      const mail = (): void => {
        const marked = org.records("Case").filter(({ Id, Interaction__c }) => Interaction__c !== null && !mailed.has(String(Id))).map(({ Id }) => String(Id));
        if (marked.length === 0) return;
        org.control.insert({ object: "EmailMessage", records: marked.map((ParentId) => ({ ParentId, Incoming: true, Subject: "still hot" })) });
        for (const id of marked) mailed.add(id);
      };
      const progress = (): number => mailed.size + centre.updates.size;
      const isDone = (): boolean => progress() === 2 * cases;
      const killAgainAndAgain = async (): Promise<void> => {
        for (; kills < KILLS * instances && !isDone(); kills += 1) {
          const before = centre.taken;
          await waitFor("it to be at work", () => centre.taken > before + AT_WORK || isDone(), { timeout: 120_000, interval: 3 });
          const one = nodeReds[kills % instances];
          await one?.kill();
          await one?.start();
        }
      };

      const killing = killAgainAndAgain();
      for (let inserted = 0; inserted < cases; inserted += BURST) {
        for (let index = inserted; index < inserted + BURST; index += 1) {
          const { ids } = org.control.insert({ object: "Case", records: [{ Subject: "hot pump", OwnerId: owners[index % 2] }] });
          expected.set(String(ids[0]), ROUTES[index % 2]?.workgroup ?? "");
        }
        mail();
        await pause(100);
      }
      while (!isDone()) {
        const before = progress();
        const what = `more than ${mailed.size} of ${expected.size} cases to be marked, and ${centre.updates.size} updates`;
        await waitFor(what, () => (mail(), progress() > before), { timeout: 120_000, interval: 200 });
      }
      await killing;

      const byCase = new Map<string, string[]>();
      for (const { caseId, workgroup } of centre.interactions.values()) byCase.set(caseId, [...(byCase.get(caseId) ?? []), workgroup]);
      const wrong = [...expected].filter(([id, workgroup]) => byCase.get(id)?.join() !== workgroup);
      const repeats = [...centre.updates.values()].filter((count) => count > 1).length;
      console.log(`      ${kills} kills, ${expected.size} cases: ${centre.interactions.size} interactions of ${centre.creates} requests, ${repeats} updates came twice`);
      assert.deepEqual(wrong, [], "each has one interaction, of its work group");
    });
  });
}
