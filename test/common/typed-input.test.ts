import assert from "node:assert/strict";
import util from "@node-red/util";
import { isConnectorError } from "../../nodes/common/errors";
import { compileTypedInput, type TypedInputUtil } from "../../nodes/common/typed-input";

const red = (util as unknown as { util: TypedInputUtil }).util;
const node = { id: "node" };
const read = (value: unknown, type: string): ((msg: object) => unknown) => compileTypedInput(red, node, value, type);

describe("a typed input", () => {
  it("reads a path of the message, and undefined where it leads nowhere", () => {
    const value = read("payload.device.id", "msg");
    assert.equal(value({ payload: { device: { id: "x" } } }), "x");
    assert.equal(value({ payload: {} }), undefined);
    assert.equal(value({}), undefined);
  });

  it("gives plain values as their type says", () => {
    assert.equal(read("7", "str")({}), "7");
    assert.equal(read("7", "num")({}), 7);
    assert.equal(read("true", "bool")({}), true);
    assert.deepEqual(read('{"a":[1]}', "json")({}), { a: [1] });
    assert.equal(read(undefined, "str")({}), "");
  });

  it("reads the environment", () => {
    process.env.SUREWIRE_TYPED_INPUT = "from outside";
    assert.equal(read("SUREWIRE_TYPED_INPUT", "env")({}), "from outside");
    delete process.env.SUREWIRE_TYPED_INPUT;
  });

  it("evaluates JSONata for each message", async () => {
    const value = read("payload.a + 1", "jsonata");
    assert.equal(await value({ payload: { a: 1 } }), 2);
    assert.equal(await value({ payload: { a: 2 } }), 3);
  });

  it("fails the message whose JSONata fails, and says which input", async () => {
    const value = compileTypedInput(red, node, "$number(payload)", "jsonata", "priority");
    await assert.rejects(value({ payload: "x" }) as Promise<unknown>, (error) => isConnectorError(error) && error.code === "INPUT_INVALID" && /^priority: /.test(error.message));
  });

  it("refuses at once what can never be evaluated", () => {
    assert.throws(() => read("(", "jsonata"), (error) => isConnectorError(error) && error.code === "NOT_CONFIGURED");
    assert.throws(() => read("{", "json"), (error) => isConnectorError(error) && error.code === "NOT_CONFIGURED");
  });
});
