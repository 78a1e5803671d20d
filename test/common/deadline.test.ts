import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { within } from "../../nodes/common/deadline";

describe("a deadline", () => {
  it("counts as in time what came while the process stood still, as in a function that computes for long", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const here = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const [there] = (await once(server, "connection")) as [Socket];
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        const answer = within(once(here, "data").then(String), 20);
        there.write("in time");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
        resolve(answer.then((came) => assert.equal(came, "in time")));
      });
    });
    here.destroy();
    server.close();
  });
});
