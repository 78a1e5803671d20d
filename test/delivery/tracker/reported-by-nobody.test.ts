import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { Runtime, type FlowNodeConfig, warningsDuring } from "../../services/runtime";
import { held, testBench, theSource } from "../../services/test-nodes/test-nodes";
import { waitShortly } from "../../services/wait";

/** A node with one connection for all its messages: it is called back by a timer that was set before the first of them came. */
const shared = (each: string, count = 3): FlowNodeConfig => ({
  id: "shared",
  type: "function",
  func: "context.get('all').push({ msg, send: () => node.send({ payload: msg.payload }), done: () => node.done(), fail: (failure) => node.done(failure), error: (text, of) => node.error(text, of) });",
  initialize: `context.set('all', []); setInterval(() => { const all = context.get('all'); if (all.length < ${count}) return; context.set('all', []); ${each} });`,
  outputs: 1,
  wires: [["see"]],
});

/** A driver of databases: its connection was made for the first message, and calls back for all others in the context of that, too. */
const DRIVER: FlowNodeConfig = {
  id: "shared",
  type: "function",
  func: `const all = context.get('all');
    all.push({ msg, send: () => node.send(msg), done: () => node.done(), error: () => node.error('refused', msg) });
    if (context.get('connected')) return;
    context.set('connected', true);
    setInterval(() => { for (const { msg, send, done, error } of all.splice(0)) { if (msg.payload === 'bad') error(); else send(); done(); } }, 1);`,
  initialize: "context.set('all', []);",
  outputs: 1,
  wires: [["hold"]],
};

describe("errors that a node reports from code that runs for none of its messages", function () {
  const runtime = new Runtime();
  /** What sinks do. */
  let write: typeof testBench.write;
  before(() => runtime.start());
  afterEach(() => (write = undefined));
  after(() => runtime.stop());

  const run = async (node: FlowNodeConfig, ...more: FlowNodeConfig[]): Promise<string[]> => {
    await runtime.fresh([{ id: "source", type: "test-source", wires: [[node.id]] }, node, { id: "see", type: "test-see" }, ...more]);
    testBench.write = write;
    const { settled, take } = theSource();
    for (const payload of ["a", "b", "c"]) take(payload);
    await waitShortly("all to be settled", () => settled.length === 3);
    return settled.map(({ taken, settlement }) => `${String(taken)} ${settlement.outcome}`).sort();
  };

  const BAD_B = "for (const { msg, send, done, error } of all) { if (msg.payload === 'b') error('refused', REPORTED); else send(); done(); }";
  const ACCEPT: FlowNodeConfig[] = [
    { id: "catch", type: "catch", scope: ["shared"], wires: [["accept"]] },
    { id: "accept", type: "surewire-settle", outcome: "accept", outcomeType: "outcome" },
  ];
  const CAUGHT: FlowNodeConfig = { id: "catch", type: "catch", scope: ["shared"], wires: [["see"]] };

  it("are those of the message that it is done with right after", async () => {
    assert.deepEqual(await run(shared(BAD_B.replace("REPORTED", "msg"))), ["a accept", "b retry", "c accept"]);
  });

  it("are so, too, where nothing on what is reported tells whose it is, and a Catch node has it", async () => {
    assert.deepEqual(await run(shared(BAD_B.replace("REPORTED", "{ payload: msg.payload }")), CAUGHT), ["a accept", "b retry", "c accept"]);
  });

  it("are those of all messages that it is done with then", async () => {
    assert.deepEqual(await run(shared("all[2].error('all refused', all[2].msg); for (const { done } of all) done();")), ["a retry", "b retry", "c retry"]);
  });

  describe("for a message that it has called done for before, as one does that sends it to a list, one by one,", () => {
    const list: FlowNodeConfig = {
      id: "list",
      type: "function",
      name: "list",
      func: "node.send(msg); node.done(); context.set('fail', () => node.done(new Error('refused')));",
      outputs: 1,
      wires: [["hold"]],
    };
    const failsAgain = (): void => runtime.node<{ context(): { get(key: string): () => void } }>("list").context().get("fail")();
    const sent = async (): Promise<void> => {
      await runtime.fresh([{ id: "source", type: "test-source", wires: [["list"]] }, list, { id: "hold", type: "test-hold", wires: [[]] }]);
      theSource().take("a");
      await waitShortly("it to be sent on", () => held.length === 1);
    };

    it("are of that while it is still in the flow", async () => {
      await sent();
      failsAgain();
      held[0]?.go();
      await waitShortly("it to be settled", () => theSource().settled.length === 1);
      assert.equal(theSource().settled[0]?.settlement.outcome, "retry");
    });

    it("are warned of when it was accepted", async () => {
      await sent();
      held[0]?.go();
      await waitShortly("it to be settled", () => theSource().settled.length === 1);
      const log = await warningsDuring(() => Promise.resolve(failsAgain()));
      assert.match(log.join("\n"), /list \(list\) calls done more than once, and with an error at last/);
    });
  });

  it("are forgiven for all of these by an accept on the Catch branch", async () => {
    assert.deepEqual(await run(shared("all[2].error('all refused', all[2].msg); for (const { done } of all) done();"), ...ACCEPT), ["a accept", "b accept", "c accept"]);
  });

  it("are those of all messages of a group that a timer of the first one works for", async () => {
    const gathering: FlowNodeConfig = {
      ...shared(""),
      func: "const all = context.get('all'); all.push({ msg, done: () => node.done(), error: (text) => node.error(text, msg) }); if (all.length === 1) setTimeout(() => { all[2].error('all refused'); for (const { done } of all) done(); }, 30);",
      initialize: "context.set('all', []);",
    };
    assert.deepEqual(await run(gathering), ["a retry", "b retry", "c retry"]);
  });

  describe("leave alone what it is done with well", () => {
    it("and whose connection it reports another's error on", async () => {
      await runtime.fresh([{ id: "source", type: "test-source", wires: [["shared"]] }, DRIVER, { id: "hold", type: "test-hold", wires: [[]] }]);
      const { settled, take } = theSource();
      take("a");
      await waitShortly("the first to be through", () => held.length === 1);
      take("bad");
      await waitShortly("the other to be settled", () => settled.length === 1);
      held[0]?.go();
      await waitShortly("the first to be settled", () => settled.length === 2);
      assert.deepEqual(settled.map(({ taken, settlement }) => `${String(taken)} ${settlement.outcome}`), ["bad retry", "a accept"]);
    });

    const OF_NOBODY: FlowNodeConfig = { id: "nobody", type: "function", func: "", initialize: "node.send({ payload: '' });", outputs: 1, wires: [["shared"]] };
    const FAILS_IT = "all.find(({ msg }) => msg.payload === '').fail(new Error('refused')); for (const { msg, done } of all) if (msg.payload !== '') done();";

    it("right after a message of no delivery that has failed", async () => {
      assert.deepEqual(await run(shared(FAILS_IT, 4), OF_NOBODY), ["a accept", "b accept", "c accept"]);
    });

    for (const caught of [false, true]) {
      it(`while it works on it, by whose connection it tells of such a message that has failed${caught ? ", of which a Catch node hears" : ""}`, async () => {
        const driver: FlowNodeConfig = {
          ...DRIVER,
          func: `if (msg.payload === 'a') { const all = context.get('all'); setInterval(() => all.splice(0).forEach((fail) => fail()), 1); context.set('end', () => node.done()); }
            else context.get('all').push(() => { node.done(new Error('refused')); context.set('failed', true); });`,
        };
        await runtime.fresh([{ id: "source", type: "test-source", wires: [["shared"]] }, driver, { id: "hold", type: "test-hold", wires: [[]] }, ...(caught ? [{ ...CAUGHT, wires: [[]] }] : [])]);
        const { settled, take } = theSource();
        const node = runtime.node<{ receive(message: object): void; context(): { get(key: string): unknown } }>("shared");
        take("a");
        await waitShortly("the first to be at work", () => node.context().get("end") !== undefined);
        node.receive({ payload: "of nobody" });
        await waitShortly("the other to fail", () => node.context().get("failed") === true);
        (node.context().get("end") as () => void)();
        await waitShortly("the first to be settled", () => settled.length === 1);
        assert.equal(settled[0]?.settlement.outcome, "accept");
      });
    }

    it("right after such a message whose error a Catch node has", async () => {
      assert.deepEqual(await run(shared(FAILS_IT, 4), OF_NOBODY, CAUGHT), ["a accept", "b accept", "c accept"]);
    });

    it("as it is stored, right after an error that it tells of the system", async () => {
      const failure = { ok: false as const, error: new ConnectorError("QUEUE_UNAVAILABLE", "the queue is full") };
      const answers: (() => void)[] = [];
      write = ([value]) =>
        new Promise((resolve) => {
          const isFirst = answers.push(() => resolve([isFirst ? failure : { ok: true, value }])) === 1;
          if (answers.length >= 3) for (const answer of answers) answer(); // as a broker's answers come, in one go
        });
      assert.deepEqual(await run({ id: "stores", type: "test-sink", batchSize: 1, concurrency: 3, tells: true }), ["a accept", "b accept", "c accept"]);
    });
  });
});
