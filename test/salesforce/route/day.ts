import assert from "node:assert/strict";
import type { Emulator } from "../../../emulator/src/index";
import { ConnectorError } from "../../../nodes/common/errors";
import type { RoutePayload } from "../../../nodes/salesforce/client/routing/outgoing";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { testBench, type TestSource } from "../../services/test-nodes/test-nodes";
import { pause } from "../../services/wait";
import { clientCredentials, Orgs } from "../support";
import { makeRuntime, ORG, RouteFlow, SKILLS, waitFor } from "./route-flow";

const SINK = [{ id: "centre", type: "test-sink", wires: [[]] }];

/** A contact centre that makes one interaction a request, loses some of its answers, and is away at times. */
class ContactCentre {
  isAway = false;
  /** By request. */
  readonly interactions = new Map<string, { id: string; caseId: string; workgroup: string; skills: string }>();
  readonly live = new Set<string>();
  private lost = 0;

  constructor(private readonly answer: (payload: object) => void) {}

  write(payload: RoutePayload): void {
    const { action, request = "", workgroup, interactionId = "", skills, case: found } = payload;
    if (action === "disconnect") {
      assert.ok(this.live.delete(interactionId), `${interactionId} is disconnected, and was not open`);
      this.answer({ caseId: found.id, interactionId, status: "ended" });
    }
    if (action !== "create") return;
    let interaction = this.interactions.get(request);
    if (!interaction) {
      interaction = { id: `I${this.interactions.size}`, caseId: found.id, workgroup, skills: skills.join(";") };
      this.interactions.set(request, interaction);
      this.live.add(interaction.id);
      if ((this.lost += 1) % 20 === 0) return; // it never answers the first time
    }
    const answer = { caseId: found.id, interactionId: interaction.id, status: "created" };
    this.answer(answer);
    if (this.interactions.size % 7 === 0) this.answer({ ...answer }); // as queues do
  }
}

/** Answers as a queue delivers them: each until the flow has accepted it. */
class Answers {
  private readonly pending = new Map<object, TestSource | undefined>();
  private readonly timer = setInterval(() => this.pump(), 20);

  add(payload: object): void {
    this.pending.set(payload, undefined);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private pump(): void {
    const source = testBench.sources.get("source");
    for (const [payload, takenBy] of this.pending) {
      const end = takenBy?.settled.find(({ taken }) => taken === payload);
      if (end?.settlement.outcome === "accept") this.pending.delete(payload);
      else if (source && (takenBy !== source || end)) {
        if (end) takenBy?.settled.splice(takenBy.settled.indexOf(end), 1);
        this.pending.set(payload, source);
        source.take(payload);
      }
    }
  }
}

/** Describes a day of so many cases; ten hours, and between two of them something goes wrong. */
export function describeDay(cases: number): void {
  const hour = Math.ceil(cases / 10);

  describe(`a day of ${cases} cases in watched queues`, function () {
    this.timeout(Math.max(120_000, cases * 200));
    const orgs = new Orgs();
    const runtime = makeRuntime();
    let org: Emulator;
    let client: OrgClient;
    let flow: RouteFlow;
    let centre: ContactCentre;
    const answers = new Answers();

    before(async () => {
      await runtime.start();
      org = await orgs.start({ ...ORG, cometd: { timeout: 2_000, maxInterval: 3_000 } });
      client = orgs.client(clientCredentials(org));
      flow = new RouteFlow(runtime, org);
      centre = new ContactCentre((payload) => answers.add(payload));
      testBench.write = (values) =>
        Promise.resolve(
          values.map((value) => {
            if (centre.isAway) return { ok: false, error: new ConnectorError("BROKER_UNAVAILABLE", "the contact centre is away") };
            centre.write(value as RoutePayload);
            return { ok: true, value: "taken" };
          }),
        );
    });
    after(async () => {
      answers.close();
      await runtime.stop();
      await orgs.stop();
    });

    function nodes(): ReturnType<RouteFlow["nodes"]> {
      const markFields = [
        { field: "Interaction__c", value: "routing.interactionId", valueType: "msg" },
        { field: "Work_Group__c", value: "routing.workgroup", valueType: "msg" },
      ];
      const route = { startQuery: true, answerTimeout: 1_500, markFields, retries: 5, wires: [["centre"], ["centre"], ["centre"]] };
      return [...flow.nodes(route, SINK), ...flow.listener()];
    }

    /** What goes wrong after each hour, and how long it lasts. */
    const troubles: (() => Promise<void> | void)[] = [
      () => void org.control.expireTokens({}),
      () => void org.control.unavailable({ ms: 400 }),
      () => void org.control.resetConnections({ count: 5, when: "during" }),
      () => runtime.deploy(nodes()),
      async () => {
        centre.isAway = true;
        await pause(300);
        setTimeout(() => (centre.isAway = false), 300);
      },
      () => void org.control.dropStreams({}),
      () => void org.control.resetConnections({ count: 5, when: "after" }),
      async () => {
        org.control.unavailable({ ms: 300 });
        await runtime.deploy(nodes());
      },
      () => void org.control.duplicateEvents({ count: 10 }),
    ];

    it("routes every case to the right work group, exactly once, whatever goes wrong between", async () => {
      const [pumps, valves, others] = ["Pumps", "Valves", "Others"].map((name) => org.control.addQueue({ name }).id) as [string, string, string];
      const expected = new Map<string, string>();
      const elsewhere: string[] = [];
      const moves: { id: string; to: string }[] = [];
      await runtime.deploy(nodes());
      const insert = (index: number): void => {
        const [queue, workgroup] = index % 2 ? [pumps, "wg.pumps"] : [valves, "wg.valves"];
        const kind = index % 5;
        const id = flow.insert({ OwnerId: kind > 2 ? others : queue, [SKILLS]: `Skill ${index % 4}` });
        if (kind === 4) return void elsewhere.push(id);
        if (kind === 3) moves.push({ id, to: queue });
        expected.set(id, workgroup);
      };
      for (let index = 0; index < cases; index += 1) {
        insert(index);
        if ((index + 1) % hour !== 0) continue;
        await troubles[Math.floor(index / hour)]?.();
        await pause(100);
        for (const { id, to } of moves.splice(0)) await until(() => client.rest.request({ method: "PATCH", path: `/sobjects/Case/${id}`, body: { OwnerId: to } }));
      }
      for (const { id, to } of moves.splice(0)) await until(() => client.rest.request({ method: "PATCH", path: `/sobjects/Case/${id}`, body: { OwnerId: to } }));
      const marked = (): number => org.records("Case").filter(({ Interaction__c }) => Interaction__c !== null).length;
      await waitFor(`${expected.size} cases to be routed and marked`, () => marked() === expected.size, Math.max(60_000, cases * 100));

      const byCase = new Map<string, string[]>();
      for (const { caseId, workgroup } of centre.interactions.values()) byCase.set(caseId, [...(byCase.get(caseId) ?? []), workgroup]);
      const wrong = [...expected].filter(([id, workgroup]) => byCase.get(id)?.join() !== workgroup);
      assert.deepEqual(wrong, [], "each once, to its work group");
      assert.deepEqual(elsewhere.filter((id) => byCase.has(id)), []);
      for (const { id, caseId, workgroup } of centre.interactions.values()) {
        const found = org.records("Case").find((one) => one.Id === caseId);
        assert.deepEqual([found?.Interaction__c, found?.Work_Group__c], [id, workgroup]);
      }
      assert.equal(centre.live.size, expected.size);
    });

    /** Does it again while the org is away. */
    async function until(work: () => Promise<unknown>): Promise<void> {
      for (;;) {
        try {
          return void (await work());
        } catch {
          await pause(50);
        }
      }
    }
  });
}
