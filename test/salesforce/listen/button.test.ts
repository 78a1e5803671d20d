import assert from "node:assert/strict";
import type { NodeAPI } from "node-red";
import listenNode from "../../../nodes/salesforce/listen/listen";

type Handler = (request: object, response: { status(code: number): { json(body: unknown): void }; json(body: unknown): void }) => void;

describe("the button of a salesforce listen", () => {
  const calls: string[] = [];
  const listener = { state: { kind: "listening" }, pause: (reason: string) => void calls.push(`pause ${reason}`), resume: (reason: string) => void calls.push(`resume ${reason}`) };
  const registered: [path: string, permission: unknown, handler: Handler][] = [];
  const fake = {
    nodes: { registerType: () => undefined, getNode: (id: string) => (id === "there" ? { listener } : null) },
    auth: { needsPermission: (permission: string) => permission },
    httpAdmin: { post: (...args: (typeof registered)[number]) => registered.push(args) },
    _: (key: string) => key,
  };
  before(() => listenNode(fake as unknown as NodeAPI));
  beforeEach(() => calls.splice(0));

  function press(id: string, type = "application/json"): { code: number; body: unknown } {
    const answer = { code: 200, body: undefined as unknown };
    const json = (body: unknown): void => void (answer.body = body);
    registered[0]?.[2]({ params: { id }, is: (wanted: string) => wanted === type }, { json, status: (code) => ((answer.code = code), { json }) });
    return answer;
  }

  it("is allowed only for users who may deploy, and causes no error if the admin API is off", () => {
    assert.deepEqual(registered.map(([path, permission]) => [path, permission]), [["/surewire/salesforce-listen/:id", "flows.write"]]);
    assert.doesNotThrow(() => listenNode({ ...fake, httpAdmin: undefined } as unknown as NodeAPI));
  });

  for (const [kind, action] of [["listening", "pause"], ["waiting", "pause"], ["paused", "resume"], ["stopped", "resume"]] as const) {
    it(`lets one that is ${kind} ${action}`, () => {
      listener.state = { kind };
      assert.deepEqual([press("there"), calls], [{ code: 200, body: { action } }, [`${action} asked`]]);
    });
  }

  it("says so when the node is not deployed, and does nothing for a form of another site", () => {
    assert.equal(press("gone").code, 404);
    assert.equal(press("there", "text/plain").code, 415);
    assert.deepEqual(calls, []);
  });
});
