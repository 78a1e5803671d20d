import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Emulator, startEmulator } from "../../emulator/src/index";
import { formDefaults } from "../services/form-defaults";
import { type FlowNode, NodeRed } from "../services/node-red";
import { waitFor } from "../services/wait";
import { orgNode, tab } from "./bridge";

const EVENT = "Device_Alert__e";

describe("a Salesforce event that ends Node-RED", function () {
  this.timeout(90_000);
  let org: Emulator;
  // a folder of its own: one that the service makes would go away with a start that fails
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-poison-events-"));
  const nodeRed = new NodeRed({ folder });

  before(async () => {
    const schema = [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" as const }] }];
    [org] = await Promise.all([startEmulator({ schema }), nodeRed.start()]);
  });
  after(async () => {
    await nodeRed.stop();
    await org?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const linesOf = (name: string): string[] => (existsSync(path.join(folder, name)) ? readFileSync(path.join(folder, name), "utf8").trim().split("\n") : []);
  const file = (id: string): FlowNode => ({ id, type: "file", filename: path.join(folder, id), filenameType: "str", appendNewline: true, overwriteFile: "false", encoding: "none", wires: [[]] });
  const work = (id: string, func: string, next: string): FlowNode => ({ id, type: "function", func, outputs: 1, wires: [[next]] });

  it("is put out as a dead letter when it has done so three times, and all others go through", async () => {
    await nodeRed.deploy(
      tab(
        orgNode(org.url),
        {
          ...{ id: "listen", type: "surewire-salesforce-listen" },
          ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
          ...{ org: "org", channel: `/event/${EVENT}`, wires: [["work"], ["reason"]] },
        },
        // an unhandled rejection, which no node can catch, ends the process
        work("work", "msg.payload = msg.payload.Serial__c; if (msg.payload === '42') Promise.reject(new Error('poison')); return msg;", "done"),
        work("reason", "msg.payload = `${msg.payload.Serial__c} ${msg.error.code} ${msg.error.attempts}`; return msg;", "dead"),
        file("done"),
        file("dead"),
      ),
    );
    await waitFor("the subscription", () => org.control.listStreams().streams.some(({ channels }) => channels.length > 0));
    const serials = Array.from({ length: 60 }, (_, index) => String(index));
    org.control.insert({ object: EVENT, records: serials.map((serial) => ({ Serial__c: serial })) });
    const others = serials.filter((serial) => serial !== "42");
    const isDone = (): boolean => linesOf("dead").length > 0 && others.every((serial) => linesOf("done").includes(serial));
    for (;;) {
      await waitFor("Node-RED to end or all to be done", () => !nodeRed.isRunning || isDone());
      if (nodeRed.isRunning) break;
      await nodeRed.start().catch(() => undefined); // it may end before it has said that it started, and then that is tried once more
    }
    assert.equal(nodeRed.log.split("Welcome to Node-RED").length - 1, 4, "three have ended");
    assert.deepEqual(linesOf("dead"), ["42 POISON 3"]);
    assert.ok(!linesOf("done").includes("42"));
    await nodeRed.stop();
    await nodeRed.start();
    await waitFor("the subscription", () => org.control.listStreams().streams.some(({ channels }) => channels.length > 0));
    org.control.insert({ object: EVENT, records: [{ Serial__c: "last" }] });
    await waitFor("what comes afterwards", () => linesOf("done").includes("last"));
    assert.deepEqual(linesOf("dead").length, 1, "its position has gone on past it");
  });
});
