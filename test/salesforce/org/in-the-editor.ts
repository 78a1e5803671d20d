import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, type Emulator } from "../../../emulator/src/index";
import type { NodeRed } from "../../services/node-red";
import { waitFor } from "../../services/wait";
import { Editor } from "../../smoke/support/editor";

/** Which rows each flow shows. */
const ROWS: Record<string, string[]> = {
  "client-credentials": ["clientId", "clientSecret"],
  "jwt-bearer": ["clientId", "username", "privateKey", "keyFile"],
  "web-server": ["clientId", "clientSecret"],
  password: ["clientId", "clientSecret", "username", "password", "securityToken"],
  "soap-login": ["username", "password", "securityToken"],
  "access-token": ["accessToken"],
};

const EXAMPLE = JSON.parse(readFileSync(join(__dirname, "../../../examples/salesforce/device-to-case.json"), "utf8")) as { id: string; type: string }[];
/** A node of the example flow, which has every default. */
const CASE = EXAMPLE.find(({ type }) => type === "surewire-salesforce-case")!;

/** The part of the org form's tests that needs a browser, on a Node-RED that serves its editor. */
export function inTheEditor(nodeRed: () => NodeRed, org: () => Emulator): void {
  let editor: Editor;

  before(async () => {
    editor = await Editor.open(`${nodeRed().url}/`);
    await editor.call("clear");
    await editor.call("load", [{ id: "pressed", type: "surewire-salesforce-org", name: "", loginUrl: "https://login.salesforce.com", flow: "web-server" }]);
    await editor.openForm("pressed");
  });
  after(() => editor?.close());

  const input = (name: string) => editor.page.locator(`#node-config-input-${name}`);
  /** Presses a button of the form by the keyboard. */
  async function press(which: "connect" | "test"): Promise<void> {
    await editor.page.locator(`#surewire-org-${which}`).focus();
    await editor.page.keyboard.press("Enter");
  }
  const says = (which: "connect" | "test", text: RegExp): Promise<unknown> =>
    waitFor(`${which} to say ${String(text)}`, async () => text.test((await editor.page.locator(`#surewire-org-${which}-result`).textContent()) ?? ""));

  it("shows the rows that its flow needs, and says of what is legacy until when it works", async () => {
    const all = [...new Set(Object.values(ROWS).flat())];
    for (const [flow, wanted] of Object.entries(ROWS)) {
      await input("flow").selectOption(flow);
      const shown = [];
      for (const name of all) if (await input(name).isVisible()) shown.push(name);
      assert.deepEqual(shown.sort(), [...wanted].sort(), flow);
      assert.equal(await editor.page.locator("#surewire-org-connect").isVisible(), flow === "web-server");
    }
    await input("flow").selectOption("soap-login");
    assert.match((await editor.page.locator("#node-config-input-flow-note").textContent()) ?? "", /1 June 2027/);
    await input("flow").selectOption("client-credentials");
    await editor.until("the shared login host to be refused", 'smoke.marked().includes("loginUrl")');
    await input("flow").selectOption("web-server");
  });

  it("connects by a window of the org's, and tells to deploy; Test connection works at once", async () => {
    await input("loginUrl").fill(org().url);
    await input("clientId").fill(DEFAULT_CLIENT_ID);
    await input("clientSecret").fill(DEFAULT_CLIENT_SECRET);
    assert.equal(await editor.page.locator("#surewire-org-callback").inputValue(), `${nodeRed().url}/surewire/salesforce-org/callback`);

    const opened = editor.page.context().waitForEvent("page");
    await press("connect");
    const popUp = await opened;
    const closed = popUp.waitForEvent("close");
    await popUp.locator("[name=username]").fill(DEFAULT_USERNAME);
    await popUp.locator("[name=password]").fill(DEFAULT_PASSWORD);
    await popUp.locator("[value=approve]").click();
    await says("connect", /Connected as integration@surewire\.example at .*Deploy to save/);
    await closed;

    await press("test");
    await says("test", /Surewire Emulator, 00D\w{15}.*integration@surewire\.example.*68\.0.*of 1000000/);
    await editor.saveForm();
    assert.deepEqual(await editor.call("reasons", "pressed"), []);
  });

  it("signs in once it is deployed, and keeps nothing secret in the flow", async () => {
    await editor.call("load", [{ id: "pressed-tab", type: "tab", label: "t" }, { ...CASE, z: "pressed-tab", org: "pressed" }]);
    const { logins } = org().control.stats();
    await editor.deploy();
    await waitFor("the login", () => org().control.stats().logins > logins);
    const flows = await (await fetch(`${nodeRed().url}/flows`)).text();
    assert.match(flows, /"connectedAs":"integration@surewire\.example"/);
    for (const secret of [DEFAULT_CLIENT_SECRET, ...org().control.secrets()]) assert.ok(!flows.includes(secret));
    assert.deepEqual(editor.takeErrors(), []);
  });
}
