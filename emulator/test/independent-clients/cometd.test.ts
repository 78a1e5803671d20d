import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startEmulator, type Emulator } from "../../src/index";
import { login } from "../helpers";

const ALERT = { name: "Device_Alert__e", platformEvent: true, fields: [{ name: "Serial__c", type: "string" as const }] };
const CHANNEL = "/event/Device_Alert__e";

/** What the process tells. */
interface Told {
  did?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into messages of many shapes
  answer?: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the same
  event?: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the same
  meta?: any;
}

describe("CometD's own JavaScript library, as it comes from npm", function () {
  let emulator: Emulator;
  let child: ChildProcess;
  let told: Told[];

  before(async () => {
    emulator = await startEmulator({ schema: [ALERT], cometd: { timeout: 2000, maxInterval: 5000 } });
    // without the hooks that compile TypeScript in this process
    child = fork(join(__dirname, "cometd-process.mjs"), { execArgv: [], env: { PATH: process.env["PATH"] } });
    told = [];
    child.on("message", (message) => told.push(message as Told));
    await until(({ did }) => did === "start");
  });
  after(async () => {
    child.kill();
    await Promise.all([once(child, "exit"), emulator.stop()]);
  });

  /** Waits until the process has told such a thing. An event may come before the answer to the subscription that it is of. */
  async function until(matches: (one: Told) => boolean): Promise<Told> {
    for (;;) {
      const at = told.findIndex(matches);
      if (at >= 0) return told.splice(at, 1)[0]!;
      await once(child, "message");
    }
  }

  async function does(command: Record<string, unknown>, did = Object.keys(command)[0]): Promise<Told["answer"]> {
    child.send(command);
    return (await until((one) => one.did === did)).answer;
  }

  async function received(count: number): Promise<unknown[]> {
    const serials: unknown[] = [];
    while (serials.length < count) serials.push((await until(({ event }) => event !== undefined)).event.data.payload.Serial__c);
    return serials;
  }

  const publish = (...serials: string[]): void => {
    emulator.control.insert({ object: "Device_Alert__e", records: serials.map((Serial__c) => ({ Serial__c })) });
  };

  it("is denied without a token", async () => {
    const denied = await does({ handshake: { url: `${emulator.url}/cometd/66.0`, token: "none" } });
    assert.deepEqual([denied.successful, denied.ext.sfdc.failureReason], [false, "401::Authentication invalid"]);
  });

  it("subscribes, replays and receives", async () => {
    publish("a", "b", "c");
    const welcomed = await does({ handshake: { url: `${emulator.url}/cometd/66.0`, token: await login(emulator) } });
    assert.equal(welcomed.successful, true);
    assert.equal(welcomed.ext.replay, true);
    assert.equal((await does({ subscribe: CHANNEL, replay: emulator.events()[0]!.replayId })).successful, true);
    assert.deepEqual(await received(2), ["b", "c"]);
    publish("d");
    assert.deepEqual(await received(1), ["d"]);
  });

  it("is told why it may not subscribe", async () => {
    const answer = await does({ subscribe: "/event/None__e", replay: -1 });
    assert.deepEqual([answer.successful, answer.error], [false, "400::The channel you requested to subscribe to doesn’t exist {/event/None__e}"]);
  });

  it("comes back by itself when it is not known any more, and goes on", async () => {
    told.length = 0; // it has said before that it was welcomed
    emulator.control.dropStreams();
    await until(({ meta }) => meta?.channel === "/meta/handshake" && meta.successful);
    publish("e");
    // its subscriptions are gone, and the library leaves it to its user to make them again
    assert.equal((await does({ subscribe: CHANNEL, replay: emulator.events().at(-2)!.replayId })).successful, true);
    assert.deepEqual(await received(1), ["e"]);
  });

  it("unsubscribes and disconnects", async () => {
    assert.equal((await does({ unsubscribe: CHANNEL })).successful, true);
    assert.equal((await does({ disconnect: true })).successful, true);
    assert.deepEqual(emulator.control.listStreams().streams, []);
  });
});
