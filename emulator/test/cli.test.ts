import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { connect } from "node:net";
import path from "node:path";
import { http, PUBLIC_KEY, signJwt } from "./helpers";

const CLI = path.join(__dirname, "..", "src", "cli.ts");

describe("the command surewire-salesforce-emulator", () => {
  const running = new Set<ChildProcess>();
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-emulator-"));

  afterEach(() => {
    for (const child of running) child.kill("SIGKILL");
    running.clear();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function start(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, ["--require", "tsx/cjs", CLI, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    return child;
  }

  /** Everything a process wrote, and its exit code. */
  async function finish(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
    let out = "";
    let err = "";
    child.stdout!.on("data", (data: Buffer) => (out += data.toString()));
    child.stderr!.on("data", (data: Buffer) => (err += data.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out, err };
  }

  async function address(child: ChildProcess): Promise<string> {
    const [data] = (await once(child.stdout!, "data")) as [Buffer];
    return /http:\S+/.exec(data.toString())![0];
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`prints its address, serves, and ends with 0 on ${signal} though a connection is open`, async () => {
      const child = start("--port", "0");
      const url = await address(child);
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal((await http(`${url}/services/data/`)).status, 200);
      const exit = once(child, "exit");
      child.kill(signal);
      assert.deepEqual(await exit, [0, null]);
    });
  }

  it("serves the Pub/Sub API on a port of its own, and says where", async () => {
    const child = start("--port", "0", "--pubsub-port", "0");
    const [data] = (await once(child.stdout!, "data")) as [Buffer];
    const [, port] = /^Salesforce emulator at http:\S+\nPub\/Sub API at 127\.0\.0\.1:(\d+)\n$/.exec(data.toString()) ?? assert.fail(data.toString());
    const socket = connect(Number(port), "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
  });

  it("takes its client, its key, a schema file and the objects with change events", async () => {
    const schema = path.join(folder, "schema.json");
    const key = path.join(folder, "key.pem");
    writeFileSync(schema, JSON.stringify([{ name: "Device__c", fields: [{ name: "Name", type: "string" }] }]));
    writeFileSync(key, PUBLIC_KEY);
    const url = await address(
      start("--port", "0", "--schema", schema, "--client-id", "me", "--username", "me@x.example", "--jwt-public-key", key, "--change-events", "Device__c"),
    );
    const claims = { iss: "me", sub: "me@x.example", aud: url, exp: Math.floor(Date.now() / 1000) + 60 };
    const form = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: signJwt(claims) };
    const { body } = await http(`${url}/services/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
    const headers = { Authorization: `Bearer ${body.access_token}` };
    assert.equal((await http(`${url}/services/data/v66.0/sobjects/Device__c`, { headers })).status, 200);
    for (const object of ["Case", "Device__c"]) await http(`${url}/__emu/insert`, { method: "POST", body: JSON.stringify({ object, records: [{}] }) });
    const told = await http(`${url}/__emu/channel?name=/data/ChangeEvents`);
    assert.deepEqual(told.body.events.map(({ entity }: { entity: string }) => entity), ["Device__c"]);
  });

  it("explains itself", async () => {
    const { code, out } = await finish(start("--help"));
    assert.equal(code, 0);
    for (const option of ["--port", "--host", "--schema", "--client-id", "--client-secret", "--username", "--jwt-public-key", "--pubsub-port"]) {
      assert.ok(out.includes(option), option);
    }
  });

  const wrong: [string, string[], RegExp][] = [
    ["an unknown option", ["--nonsense"], /--nonsense/],
    ["a port that is no number", ["--port", "x"], /--port must be a whole number from 0 to 65535/],
    ["a schema file that is not there", ["--schema", path.join(folder, "none.json")], /--schema: cannot read/],
    ["an object there is not", ["--port", "0", "--change-events", "Case,Nope"], /no object Nope/],
    ["a key that is none", ["--port", "0", "--jwt-public-key", CLI], /publicKey is no PEM/],
  ];
  for (const [what, args, text] of wrong) {
    it(`ends with 2 and says what is wrong with ${what}`, async () => {
      const { code, err } = await finish(start(...args));
      assert.equal(code, 2);
      assert.match(err, text);
      assert.doesNotMatch(err, /\n\s+at /, "no stack trace");
    });
  }
});
