import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, type LookupFunction, type Socket } from "node:net";
import path from "node:path";
import type { Connection } from "../../../../nodes/amqp/client/connection/connection";
import type { RabbitMq } from "../../../services/rabbitmq";
import { sharedRabbit } from "../../../services/shared";
import { pause, waitFor } from "../../../services/wait";
import { connectionTo } from "../../support";

/** More than a listener keeps that takes one. */
const BACKLOG = 4;

describe("a broker whose name has several addresses", () => {
  let rabbit: RabbitMq;
  let connection: Connection;
  let lines: string[];
  let slow: ChildProcess;
  let waiting: Socket[];

  before(async () => void (rabbit = await sharedRabbit()));
  beforeEach(async () => {
    slow = fork(path.join(__dirname, "slow-address.ts"), ["127.0.0.2", String(rabbit.port)], { execArgv: ["--import", "tsx"] });
    await once(slow, "message");
    slow.kill("SIGSTOP");
    waiting = Array.from({ length: BACKLOG }, () => connect(rabbit.port, "127.0.0.2").on("error", () => undefined));
    await Promise.any(waiting.map((socket) => once(socket, "connect")));
  });
  afterEach(async () => {
    for (const socket of waiting) socket.destroy();
    slow.kill("SIGKILL");
    await connection.close();
  });

  function connectTo(addresses: string[], more: { connectTimeout?: number } = {}): void {
    const all = addresses.map((address) => ({ address, family: 4 }));
    const lookup: LookupFunction = (_host, _options, callback) => callback(null, all);
    ({ connection, lines } = connectionTo(rabbit, { urls: [`amqp://broker.example:${rabbit.port}`], tls: { lookup } as object, ...more }));
    connection.open();
  }

  it("is connected to by the next when one does not answer", async () => {
    connectTo(["127.0.0.2", "127.0.0.1"]);
    await waitFor("the connection", () => connection.model);
    assert.deepEqual(lines, []);
  });

  it("is connected to over a slow line, though the last cannot be reached", async () => {
    // nobody listens at the second; the first has 12 s, in which the kernel tries three times, also on a busy machine
    connectTo(["127.0.0.2", "127.0.0.3"], { connectTimeout: 60 });
    await pause(500); // for a round trip
    slow.kill("SIGCONT");
    await waitFor("the connection", () => connection.model);
    assert.deepEqual(lines, []);
  });
});
