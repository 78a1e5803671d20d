import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { compileTemplate } from "../../../nodes/salesforce/client/template";

const read = (path: string) => (msg: object) => path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], msg);
const fill = (text: string, msg: object) => compileTemplate(text, read)(msg);

describe("A template", () => {
  for (const [text, msg, result] of [
    ["Pump {{payload.id}}: {{ payload.state }}", { payload: { id: 7, state: "hot" } }, "Pump 7: hot"],
    ["{{msg.topic}}!", { topic: "plant.north" }, "plant.north!"],
    ["at {{payload.at}}", { payload: { at: new Date(0) } }, "at 1970-01-01T00:00:00.000Z"],
    ["{{payload}}", { payload: { a: [1] } }, '{"a":[1]}'],
    ["{{a}} and {{b}}", { a: 0 }, "0 and "],
    ["{{a}} & <{{b}}>", { a: "'", b: "\\" }, "' & <\\>"],
    ["as it is", {}, "as it is"],
  ] as const) {
    it(`${text} gives ${result}`, () => assert.equal(fill(text, msg), result));
  }

  it("gives nothing when the message has nothing for it", () => assert.equal(fill("{{a}}-{{b.c}}", {}), undefined));

  for (const text of ["{{}}", "open {{a", "{{a}} {{ }}"]) {
    it(`${text} is refused before the first message`, () => {
      assert.throws(() => fill(text, {}), (error) => isConnectorError(error) && error.code === "NOT_CONFIGURED");
    });
  }
});
