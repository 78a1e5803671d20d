import assert from "node:assert/strict";
import { Runtime, type FlowNodeConfig, warningsDuring } from "../../services/runtime";
import { held, late, seenAt, theSource } from "../../services/test-nodes/test-nodes";
import { turns, waitShortly as until } from "../../services/wait";

const runtime = new Runtime();

const source: FlowNodeConfig = { id: "source", type: "test-source", wires: [["late"]] };
const tardy = (more: object = {}): FlowNodeConfig => ({ id: "late", type: "test-late", name: "tardy", wires: [["see"]], ...more });
const see: FlowNodeConfig = { id: "see", type: "test-see", wires: [["hold"]] };
const hold: FlowNodeConfig = { id: "hold", type: "test-hold", wires: [[]] };

const LATE_SEND = /tardy \(late\) takes no done and sends later/;
const LATE_ERROR = /tardy \(late\) takes no done and reports an error later/;

/** Takes `payload`, which the node under test keeps, until it counts as finished with. */
async function take(payload: string): Promise<void> {
  const { settled, take: go } = theSource();
  go(payload);
  await until("it to be settled", () => settled.some(({ taken }) => taken === payload));
}

describe("of a node that takes no done, the flow tracker", function () {
  before(() => runtime.start());
  after(() => runtime.stop());
  beforeEach(() => (late.length = 0));

  describe("warns when it sends later, and names it", () => {
    it("in its message's own code", async () => {
      await runtime.fresh([source, tardy(), see, hold]);
      const log = await warningsDuring(async () => {
        await take("a");
        late[0]?.send();
        await until("the late message", () => seenAt("see").length === 1);
      });
      assert.match(log.join("\n"), LATE_SEND);
    });

    for (const others of [false, true]) {
      it(`in code of nobody, while ${others ? "another message is" : "none is"} in the flow, as a driver of databases or field buses does`, async () => {
        await runtime.fresh([source, tardy({ calls: "of nobody" }), see, hold]);
        const log = await warningsDuring(async () => {
          for (const payload of others ? ["a", "b"] : ["a"]) await take(payload);
          if (others) theSource().take("c");
          await until("the others", () => late.length === (others ? 3 : 1));
          late[0]?.send();
          await until("the late message", () => seenAt("see").length === 1);
        });
        assert.match(log.join("\n"), LATE_SEND);
      });
    }

    it("in the handler of another message, as a gate or a semaphore does", async () => {
      await runtime.fresh([source, tardy({ gate: true }), see, hold]);
      const log = await warningsDuring(async () => {
        await take("a");
        theSource().take("next");
        await until("the late message", () => held.length === 1);
      });
      assert.match(log.join("\n"), LATE_SEND);
    });

    it("but not when that message comes again, since a lost connection has taken it back", async () => {
      await runtime.fresh([source, tardy({ calls: "of nobody" }), see, hold]);
      const log = await warningsDuring(async () => {
        theSource().take("a");
        while (late.length === 0) await turns(1); // after some turns more it would count as dropped
        theSource().source.invalidate();
        late[0]?.send();
        await until("the late message", () => seenAt("see").length === 1);
      });
      assert.doesNotMatch(log.join("\n"), LATE_SEND);
    });
  });

  it("warns when it reports an error later, and names it", async () => {
    await runtime.fresh([source, tardy(), see, hold]);
    const log = await warningsDuring(async () => {
      await take("a");
      late[0]?.fail();
    });
    assert.match(log.join("\n"), LATE_ERROR);
  });

  it("warns once per type of node when it sends nothing for a message, which then counts as done", async () => {
    const mute = (id: string): FlowNodeConfig => ({ id, type: "test-mute" });
    await runtime.fresh([{ ...source, wires: [["one", "two"]] }, mute("one"), mute("two")]);
    const log = await warningsDuring(async () => {
      for (const payload of ["a", "b"]) await take(payload);
      await turns(5);
    });
    assert.deepEqual(log.map((line) => /takes no done and has sent nothing/.test(line)), [true]);
  });

  it("does not warn of Node-RED's own nodes that drop a message or show it, nor of a widget that shows it", async () => {
    await runtime.fresh([
      { ...source, wires: [["switch", "filter", "inner", "shows", "gauge"]] },
      { id: "sub", type: "subflow", name: "unwired", in: [{ x: 0, y: 0, wires: [] }], out: [] },
      { id: "inner", type: "subflow:sub" },
      { id: "told", type: "subflow", name: "with a status output", in: [{ x: 0, y: 0, wires: [{ id: "does" }] }], out: [], status: { x: 0, y: 0, wires: [{ id: "does", port: 0 }] } },
      { id: "does", type: "function", z: "told", func: "return msg;", outputs: 1, wires: [[]] },
      { id: "shows", type: "subflow:told" },
      { id: "gauge", type: "ui_gauge" },
      { id: "switch", type: "switch", property: "payload", propertyType: "msg", checkall: "true", rules: [{ t: "eq", v: "none", vt: "str" }], outputs: 1, wires: [["see"]] },
      { id: "filter", type: "rbe", func: "rbe", gap: "", property: "payload", wires: [["see"]] },
      { id: "see", type: "test-see" },
    ]);
    const entry = theSource();
    const log = await warningsDuring(async () => {
      for (let count = 1; count <= 3; count += 1) {
        entry.take("a");
        await until("it to be settled", () => entry.settled.length === count);
      }
    });
    assert.deepEqual(log, []);
  });
});
