import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError } from "./helpers";

describe("generic streaming", () => {
  let emulator: Emulator;
  let api: Api;
  let channel: string;

  before(async () => {
    emulator = await startEmulator();
    api = await Api.connect(emulator);
    channel = await api.create("StreamingChannel", { Name: "/u/notes" });
  });
  after(() => emulator.stop());

  const push = (...pushEvents: object[]) => api.send("POST", `/sobjects/StreamingChannel/${channel}/push`, { pushEvents });

  it("puts texts on the channel they are pushed to, and no other", async () => {
    await api.create("StreamingChannel", { Name: "/u/other" });
    const { status, body } = await push({ payload: "a", userIds: [] }, { payload: "b" });
    assert.deepEqual([status, body], [200, [{ fanoutCount: -1, userOnlineStatus: {} }, { fanoutCount: -1, userOnlineStatus: {} }]]);
    assert.deepEqual(emulator.channel("/u/notes").map((event) => event.kind === "generic" && event.text), ["a", "b"]);
    assert.deepEqual(emulator.channel("/u/other"), []);
  });

  it("takes texts of 3,000 characters, all of a call or none", async () => {
    const before = emulator.channel("/u/notes").length;
    assertError(await push({ payload: "short" }, { payload: "x".repeat(3001) }), 400, "STRING_TOO_LONG", /max length=3000/);
    assert.equal(emulator.channel("/u/notes").length, before);
    assert.equal((await push({ payload: "x".repeat(3000) })).status, 200);
  });

  it("refuses what is no push, and events for certain users", async () => {
    assertError(await push(), 400, "JSON_PARSER_ERROR", /pushEvents/);
    assertError(await push({ payload: 1 }), 400, "JSON_PARSER_ERROR", /payload/);
    assertError(await push({ payload: "x", topic: "y" }), 400, "JSON_PARSER_ERROR", /"topic"/);
    assertError(await push({ payload: "x", userIds: ["005000000000001AAA"] }), 400, "INVALID_INPUT", /certain users/);
    assertError(await api.send("POST", "/sobjects/StreamingChannel/0M6000000000001AAA/push", { pushEvents: [{ payload: "x" }] }), 404, "NOT_FOUND", /does not exist/);
    assertError(await api.get(`/sobjects/StreamingChannel/${channel}/push`), 405, "METHOD_NOT_ALLOWED", /POST/);
  });

  it("has channels below /u/ whose names differ by more than case", async () => {
    assertError(await api.send("POST", "/sobjects/StreamingChannel", { Name: "notes" }), 400, "INVALID_FIELD", /must start with \/u\//, ["Name"]);
    assertError(await api.send("POST", "/sobjects/StreamingChannel", { Name: "/u/NOTES" }), 400, "DUPLICATE_VALUE", /duplicates value/);
  });
});
