import assert from "node:assert/strict";
import { compileParameters, Parameters } from "../../nodes/common/parameters";
import { rejectionsLeftBy } from "../services/rejections";

describe("the values of a query's names", () => {
  const same = (value: unknown): unknown => value;

  it("come from the node's list, else from the payload's own properties", () => {
    const values = new Parameters(["a", "b", "missing", "toString"], [{ name: "a", value: () => 1 }, { name: "unused", value: () => 3 }], same);
    assert.deepEqual(values.for({ payload: { a: "not this", b: 2, more: 4 } }), { a: 1, b: 2, unused: 3 });
    assert.deepEqual(values.for({ payload: "no object" }), { a: 1, unused: 3 });
  });

  it("wait only for those that have to be waited for", async () => {
    const values = new Parameters(["a", "b"], [{ name: "a", value: () => Promise.resolve(1) }], (value, name) => `${name}${String(value)}`);
    const found = values.for({ payload: { b: 2 } });
    assert.ok(found instanceof Promise);
    assert.deepEqual(await found, { a: "a1", b: "b2" });
  });

  it("leave no rejection behind when one that comes later is none that can be given", async () => {
    const later = { name: "a", value: () => Promise.reject(new Error("first")) };
    const values = new Parameters([], [later, { name: "b", value: () => "bad" }], () => {
      throw new Error("second");
    });
    assert.deepEqual(await rejectionsLeftBy(() => assert.throws(() => values.for({}), /second/)), []);
  });

  it("stand in a form with or without their colon; lines without a name do not count", () => {
    const asked: string[][] = [];
    const def = (name: string, valueType: string): { name: string; value: string; valueType: string } => ({ name, value: "x", valueType });
    const compiled = compileParameters([def(" :a ", ""), def("b", "str"), def("  ", "str")], (value, type, label) => {
      asked.push([value, type, label]);
      return () => value;
    });
    assert.deepEqual(compiled.map(({ name }) => name), ["a", "b"]);
    assert.deepEqual(asked, [["x", "msg", ":a"], ["x", "str", ":b"]]);
    assert.deepEqual(compileParameters(undefined, () => assert.fail("nothing to compile")), []);
  });
});
