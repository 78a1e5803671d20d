import assert from "node:assert/strict";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, startEmulator, type Emulator } from "../src/index";
import { Api, askToken, http } from "./helpers";

describe("a reset", () => {
  let emulator: Emulator;

  before(async () => {
    emulator = await startEmulator();
  });
  after(() => emulator.stop());

  const signIn = (username: string, password: string) =>
    askToken(emulator, { grant_type: "password", client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET, username, password });

  it("takes back passwords and users; a user that was created signs in as itself before", async () => {
    const api = await Api.connect(emulator);
    const id = await api.create("User", { Username: "New@example.org", LastName: "New", Email: "new@example.org" });
    const [own] = emulator.records("User").filter((row) => row["Username"] === DEFAULT_USERNAME);
    for (const user of [id, own!.Id]) assert.equal((await api.send("POST", `/sobjects/User/${user}/password`, { NewPassword: "changed123" })).status, 204);
    const { status, body } = await signIn("new@example.org", "changed123");
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal((await http(body.id as string, { headers: { Authorization: `Bearer ${body.access_token}` } })).body.user_id, id);

    emulator.control.reset();
    assert.equal((await signIn("new@example.org", "changed123")).status, 400);
    assert.equal((await signIn(DEFAULT_USERNAME, "changed123")).status, 400);
    assert.equal((await signIn(DEFAULT_USERNAME, DEFAULT_PASSWORD)).status, 200);
    assert.equal(emulator.records("User").length, 1);
  });

  it("is not needed after a clock was set beyond the calendar, which is refused", async () => {
    const { status, body } = await http(`${emulator.url}/__emu/shiftClock`, { method: "POST", body: JSON.stringify({ ms: 1e18 }) });
    assert.deepEqual([status, body], [400, { error: "ms leads out of the calendar" }]);
  });

  it("and every other verb that takes JSON is available over HTTP", async () => {
    const { body } = await http(`${emulator.url}/__emu`);
    const control: object = Object.getPrototypeOf(emulator.control);
    const members = [control, Object.getPrototypeOf(control) as object].flatMap((prototype) => Object.entries(Object.getOwnPropertyDescriptors(prototype)));
    const methods = members.filter(([, { value }]) => typeof value === "function").map(([name]) => name);
    assert.deepEqual([...(body.verbs as string[])].sort(), methods.filter((name) => name !== "constructor" && name !== "secrets").sort());
  });
});
