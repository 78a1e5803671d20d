import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Editor, Editor as EditorPage, type Scheme } from "./editor";
import { type FormCase, FORMS, PALETTE } from "./forms";
import { MODULE, NodeRed } from "./node-red";
import { tarball } from "./tarball";
import { CACHE, ROOT, type Toolchain, versionOf } from "./toolchain";

/** What differs between the Node-RED versions that run {@link describePack}. */
export interface PackOptions {
  /** As it stands in the test's title, e.g. `Node-RED 5`. */
  title: string;
  toolchain(): Toolchain;
  /** The environment of Node-RED, and so of the npm it runs. */
  environment?: NodeJS.ProcessEnv;
  /** The themes this version has. */
  schemes: readonly Scheme[];
  /** What must have been installed of jsforce. */
  jsforce(version: string): boolean;
  /** Tests of this version alone. */
  more?(nodeRed: () => NodeRed, editor: () => Editor): void;
}

type SavedNode = Record<string, unknown> & { id: string; type: string };

const EXAMPLES = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));

/** The packed tarball in a fresh Node-RED, seen by its API and in a browser. */
export function describePack(options: PackOptions): void {
  describe(`the packed tarball in ${options.title}`, function () {
    this.timeout(150_000);
    let nodeRed: NodeRed;
    let editor: Editor;
    let shown = 0;

    before(async function () {
      this.timeout(300_000); // the first run on a machine fetches Node-RED 4.1 and builds odbc
      nodeRed = new NodeRed(options.toolchain(), options.environment);
      await nodeRed.start();
      editor = await EditorPage.open(nodeRed.url);
    });

    afterEach(async function () {
      if (this.currentTest?.state !== "failed") return;
      console.error(nodeRed.log.slice(shown).trim());
      shown = nodeRed.log.length;
      await editor.leaveForms();
    });

    after(async () => {
      await editor?.close();
      await nodeRed?.remove();
    });

    it("is installed into an open editor, which may read the html of the nodes before the plugin's", async function () {
      this.timeout(300_000);
      const release = await editor.holdBack((address) => address.pathname.startsWith(`/plugins/${MODULE}/`));
      await nodeRed.install(tarball());
      const types = JSON.stringify(FORMS.map(({ type }) => type));
      await editor.until("every node type", `${types}.every((type) => RED.nodes.getType(type))`);
      assert.equal(await editor.page.evaluate("Boolean(window.surewire && surewire.check)"), false);
      await release();
      await editor.until("the plugin", "window.surewire && surewire.check");
      assert.deepEqual(editor.takeErrors(), []);
      const late = await editor.page.evaluate("RED.nodes.getType('surewire-amqp-in').defaults.deadline.label");
      assert.equal(late, "Deadline");
    });

    it("installs with the jsforce that fits the Node it runs on", () => {
      const version = versionOf(join(nodeRed.userDir, "node_modules", "@jsforce", "jsforce-node"));
      assert.ok(options.jsforce(version), `jsforce ${version}`);
    });

    it("loads every node type without an error", async () => {
      const sets = await nodeRed.sets();
      assert.deepEqual(sets.filter(({ err, enabled }) => err || !enabled), []);
      assert.deepEqual(sets.flatMap(({ types }) => types).sort(), FORMS.map(({ type }) => type).sort());
    });

    it("serves every icon of its own", async () => {
      for (const icon of readdirSync(join(ROOT, "icons"))) {
        // a missing icon is answered with another picture, not with an error
        const served = await nodeRed.get<string>(`icons/${MODULE}/${icon}`, "image/svg+xml");
        assert.equal(served, readFileSync(join(ROOT, "icons", icon), "utf8"), icon);
      }
    });

    it("serves its texts and a help page with Inputs or Details for every node", async () => {
      for (const { id, types } of await nodeRed.sets()) {
        const texts = await nodeRed.get<object>(`locales/${id}?lng=en-US`);
        assert.notDeepEqual(texts, {}, id);
        for (const type of types) assert.match(await editor.call<string>("help", type), /<h3>(Inputs|Details)<\/h3>/, type);
      }
    });

    it("offers its examples for import", async () => {
      for (const file of EXAMPLES) {
        const listed = await nodeRed.get<(string | { fn: string })[]>(`library/examples/flows/${MODULE}/${dirname(file)}`);
        assert.ok(listed.some((entry) => typeof entry === "object" && entry.fn === basename(file, ".json")), `${file}: ${JSON.stringify(listed)}`);
      }
    });

    it("shows every node in the palette under its name, with its icon", async () => {
      // an editor that is open during the install asks for nodes and icons at once, and shows an arrow for what comes before the icons
      await editor.load();
      for (const entry of await editor.call<{ type: string; found: boolean; icon: string; label: string }[]>("palette", PALETTE)) {
        assert.ok(entry.found, `${entry.type} is not in the palette`);
        assert.ok(entry.icon.endsWith(`/icons/${MODULE}/${entry.type}.svg`), `${entry.type} has the icon ${entry.icon}`);
        assert.equal(entry.label, entry.type.replace("surewire-", "").replace("-", " "));
      }
    });

    describe("the forms", () => {
      /** Ids of the nodes made so far, by type. */
      const made = new Map<string, string>();

      for (const form of FORMS) {
        it(`${form.type} opens, says what is missing and why, and takes what is filled in`, async () => {
          const id = await editor.call<string>("drop", form.type);
          made.set(form.type, id);
          await editor.openForm(id);
          assert.deepEqual(editor.takeErrors(), []);
          assert.deepEqual(await editor.call("untranslated"), []);
          assert.deepEqual(await editor.call("strayLabels"), []);
          assert.deepEqual(await editor.call("nameless"), []);
          assert.deepEqual(await editor.call("silentNotes"), []);
          await flagsWhatIsMissing(editor, form, id);
          for (const [property, value] of Object.entries(form.refuses ?? {})) {
            await fillIn(editor, property, value, made);
            await editor.until(`${property} to be marked`, `smoke.marked().includes(${JSON.stringify(property)})`);
          }
          assert.deepEqual(await editor.call("silentParts"), []);
          for (const [property, value] of Object.entries(form.fill)) await fillIn(editor, property, value, made);
          assert.deepEqual(await editor.call("markedCells"), []);
          await editor.saveForm();
          assert.deepEqual(editor.takeErrors(), []);
          assert.deepEqual(await editor.call("reasons", id), []);
        });
      }

      it("deploy what was filled in, and keep secrets out of the flow", async () => {
        await editor.deploy();
        const flows = await nodeRed.get<SavedNode[]>("flows");
        for (const form of FORMS) {
          const node = flows.find(({ id }) => id === made.get(form.type));
          assert.ok(node, form.type);
          assertHolds(node, form);
          for (const secret of form.secret ?? []) assert.equal(JSON.stringify(flows).includes(String(form.fill[secret])), false, secret);
        }
      });

      for (const scheme of options.schemes) {
        it(`come back as they were saved, and can be read in the ${scheme} theme`, async function () {
          this.timeout(400_000); // all of them, one after the other
          const pictures = join(CACHE, "screenshots", options.title.replace(/\W+/g, "-").toLowerCase());
          mkdirSync(pictures, { recursive: true });
          await editor.load(scheme);
          for (const form of FORMS) {
            const id = made.get(form.type) ?? "";
            const before = await editor.call<Record<string, SavedNode>>("saved");
            await editor.openForm(id);
            await editor.screenshot(join(pictures, `${form.type}-${scheme}.png`));
            assert.deepEqual(await editor.call("faint"), [], form.type);
            await editor.saveForm();
            const after = await editor.call<Record<string, SavedNode>>("saved");
            assert.deepEqual(after[id], before[id]);
            assert.equal(await editor.call("isChanged", id), false, `${form.type} counts as changed`);
          }
          assert.deepEqual(editor.takeErrors(), []);
        });
      }

      it("a row that was just deleted is not saved, though it still fades away", async () => {
        await editor.load();
        const id = await editor.call<string>("drop", "surewire-amqp-in");
        await editor.openForm(id);
        await fillIn(editor, "bindings", [["plant", "topic", "line.#", ""], ["alarms", "fanout", "", ""]], new Map());
        await editor.call("deleteRowAndSave", "bindings");
        await editor.until("the form to close", "smoke.isClosed()");
        const { bindings } = (await editor.call<Record<string, SavedNode>>("saved"))[id] as SavedNode & { bindings: { exchange: string }[] };
        assert.deepEqual(bindings.map(({ exchange }) => exchange), ["alarms"]);
        await editor.page.evaluate(`RED.nodes.remove("${id}"); RED.nodes.dirty(false)`);
      });

      it("a division of salesforce case whose org is missing keeps it, and says so", async () => {
        await editor.load();
        const id = await editor.call<string>("drop", "surewire-salesforce-case");
        const divisions = [{ name: "north", whenType: "topic", when: "", property: "", org: "gone", owner: "", recordType: "", defaults: [] }];
        await editor.page.evaluate(`RED.nodes.node("${id}").divisions = ${JSON.stringify(divisions)}`);
        await editor.openForm(id);
        await editor.saveForm();
        assert.deepEqual((await editor.call<Record<string, SavedNode>>("saved"))[id]?.divisions, divisions);
        assert.ok((await editor.call<string[]>("reasons", id)).some((reason) => /org is missing/.test(reason)));
        await editor.page.evaluate(`RED.nodes.remove("${id}"); RED.nodes.dirty(false)`);
      });

      it("the form of amqp out opens again with the exchange that was chosen, though it has no name yet", async () => {
        await editor.load();
        const id = await editor.call<string>("drop", "surewire-amqp-out");
        const destination = editor.page.locator("#node-input-destination");
        await editor.openForm(id);
        assert.equal(await destination.inputValue(), "queue");
        await destination.selectOption("exchange");
        await editor.page.locator("#node-input-routingKey-shown").fill("orders");
        await editor.saveForm();
        await editor.openForm(id);
        assert.equal(await destination.inputValue(), "exchange");
        assert.ok((await editor.call<string[]>("marked")).includes("exchange"));
        await editor.saveForm();
        assert.ok((await editor.call<string[]>("reasons", id)).some((reason) => /exchange/i.test(reason)));
        await editor.page.evaluate(`RED.nodes.remove("${id}"); RED.nodes.dirty(false)`);
      });
    });

    describe("the examples", () => {
      const opened = new Set<string>();

      before(async () => {
        await editor.load();
        await editor.call("clear");
      });

      it("show every node type", () => {
        const nodes = EXAMPLES.flatMap((file) => JSON.parse(readFileSync(join(ROOT, "examples", file), "utf8")) as SavedNode[]);
        const types = new Set(nodes.map(({ type }) => type));
        assert.deepEqual(FORMS.map(({ type }) => type).filter((type) => !types.has(type)), []);
      });

      for (const file of EXAMPLES) {
        it(`${file} is imported as it is, with nothing missing but credentials`, async () => {
          const flow = await nodeRed.get<SavedNode[]>(`library/examples/flows/${MODULE}/${file.replace(/\.json$/, "")}`);
          await editor.call("load", flow);
          assert.deepEqual(editor.takeErrors(), []);
          const before = await editor.call<Record<string, SavedNode>>("saved");
          for (const { id, type } of flow.filter((node) => node.type.startsWith("surewire-"))) {
            assert.deepEqual(await editor.call("reasons", id), [], `${type} ${id}`);
            if (opened.has(type)) continue; // a form takes a second
            opened.add(type);
            await editor.openForm(id);
            await editor.saveForm();
          }
          assert.deepEqual(await editor.call("saved"), before);
          assert.deepEqual(editor.takeErrors(), []);
        });
      }

      it("deploy together, and run without an error that is not the missing broker's", async () => {
        await editor.deploy();
        const flows = await nodeRed.get<SavedNode[]>("flows");
        for (const file of EXAMPLES) {
          for (const node of JSON.parse(readFileSync(join(ROOT, "examples", file), "utf8")) as SavedNode[]) {
            assert.ok(flows.some(({ id }) => id === node.id), `${file}: ${node.id}`);
          }
        }
        const sources = flows.filter(({ type }) => type === "surewire-amqp-in");
        for (const { id } of sources) await editor.until(`the status of ${id}`, `(smoke.status(${JSON.stringify(id)}) || {}).fill`);
        assert.doesNotMatch(nodeRed.log, /Uncaught|TypeError|ReferenceError/);
      });
    });

    describe("the command surewire-import", () => {
      const FIXTURE = join(ROOT, "test", "cli", "fixtures", "select-json.json");

      it("comes with the pack, and makes a flow whose credentials the editor's import keeps", async () => {
        const command = join(nodeRed.userDir, "node_modules", ".bin", "surewire-import");
        const flow = JSON.parse(execFileSync(options.toolchain().node, [command, FIXTURE], { encoding: "utf8", stdio: "pipe" })) as SavedNode[];
        await editor.load();
        await editor.call("clear");
        await editor.call("load", flow);
        const ours = flow.filter(({ type }) => type.startsWith("surewire-"));
        const before = await editor.call<Record<string, SavedNode>>("saved");
        for (const { id, type } of ours) {
          assert.deepEqual(await editor.call("reasons", id), [], `${type} ${id}`);
          await editor.openForm(id);
          await editor.saveForm();
        }
        assert.deepEqual(await editor.call("saved"), before);
        assert.deepEqual(editor.takeErrors(), []);
        await editor.deploy();
        for (const { id, type, credentials } of ours.filter((node) => "credentials" in node)) {
          const kept = await nodeRed.get<{ username: string; has_password: boolean }>(`credentials/${type}/${id}`);
          assert.deepEqual([kept.username, kept.has_password], [(credentials as { username: string }).username, true], type);
        }
        await editor.call("clear");
        await editor.deploy();
      });
    });

    describe("a flow that 0.1.0 saved", () => {
      const flow = JSON.parse(readFileSync(join(ROOT, "test", "smoke", "fixtures", "saved-by-0.1.0.json"), "utf8")) as SavedNode[];
      const secrets: Record<string, object> = { "older-broker": { username: "line", password: "hidden" }, "older-org": { clientId: "key", clientSecret: "hidden" }, "older-database": { username: "line" } };

      before(async () => {
        const body = JSON.stringify(flow.map((node) => (node.id in secrets ? { ...node, credentials: secrets[node.id] } : node)));
        await fetch(`${nodeRed.url}flows`, { method: "POST", headers: { "content-type": "application/json" }, body });
        await editor.load();
      });

      it("is not changed by a look at its nodes", async () => {
        const before = await editor.call<Record<string, SavedNode>>("saved");
        for (const { id, type } of flow.filter((node) => node.type.startsWith("surewire-"))) {
          await editor.openForm(id);
          await editor.saveForm();
          assert.equal(await editor.call("isChanged", id), false, type);
        }
        assert.deepEqual(await editor.call("saved"), before);
        assert.deepEqual(editor.takeErrors(), []);
      });

      it("has all of today's settings in a node of which one of them is changed, until that is undone", async () => {
        const before = await editor.call<Record<string, SavedNode>>("saved");
        await editor.openForm("older-in");
        await fillIn(editor, "poisonLimit", "5", new Map());
        await editor.saveForm();
        const saved = (await editor.call<Record<string, SavedNode>>("saved"))["older-in"];
        assert.deepEqual([saved?.poisonLimit, saved?.streamOffset, saved?.singleActiveConsumer], [5, "first", false]);
        await editor.call("undo");
        assert.equal(await editor.call("isChanged", "older-in"), false);
        assert.deepEqual(await editor.call("saved"), before);
      });
    });

    options.more?.(() => nodeRed, () => editor);

    // a suite of its own: mocha runs the tests of a suite before the suites in it
    describe("stopped and started again", () => {
      it("has all it had, and stops in time", async () => {
        await nodeRed.stop();
        nodeRed.log = "";
        await nodeRed.start();
        assert.deepEqual((await nodeRed.sets()).filter(({ err }) => err), []);
        assert.doesNotMatch(nodeRed.log, /missing types|Uncaught|TypeError|ReferenceError/i);
        const began = Date.now();
        await nodeRed.stop();
        assert.ok(Date.now() - began < 15_000, `took ${Date.now() - began} ms to stop`);
      });
    });
  });
}

async function flagsWhatIsMissing(editor: Editor, form: FormCase, id: string): Promise<void> {
  const reasons = await editor.call<string[]>("reasons", id);
  const definition = Object.keys(form.fill);
  for (const reason of reasons) assert.ok(/\s/.test(reason) && !definition.includes(reason), `${form.type}: "${reason}" is no reason`);
  assert.equal(reasons.length, form.needs.length, `${form.type}: ${reasons.join(" | ")}`);
  // lists have no single field to mark
  const fields = form.needs.filter((property) => !Array.isArray(form.fill[property]));
  const marked = await editor.call<string[]>("marked");
  assert.deepEqual(fields.filter((property) => !marked.includes(property)), [], `${form.type} marks ${marked.join(", ")}`);
}

/** Fills one property in the open form, with the keyboard and the mouse as far as that goes. */
async function fillIn(editor: Editor, property: string, value: FormCase["fill"][string], made: Map<string, string>): Promise<void> {
  const { page } = editor;
  const input = page.locator(`#node-input-${property}, #node-config-input-${property}`);
  if (value === true) {
    const type = `surewire-${{ broker: "amqp-broker", org: "salesforce-org", database: "sql-database" }[property] ?? ""}`;
    await input.selectOption(made.get(type) ?? "");
    return;
  }
  if (typeof value === "string") {
    await editor.call("reveal", property);
    if (await input.evaluate((element) => element.nodeName === "SELECT")) {
      await input.selectOption(value);
      return;
    }
    if ((await input.getAttribute("type")) === "checkbox") {
      await input.setChecked(value === "true");
      return;
    }
    // what the user sees of a typed input is a field beside the hidden one
    const typed = input.locator("xpath=following-sibling::*[1][contains(@class,'red-ui-typedInput-container')]").locator("input.red-ui-typedInput-input");
    const field = (await typed.count()) > 0 ? typed : input;
    await field.fill(value);
    await field.press("End"); // many forms look at a field only when a key comes up
    return;
  }
  await editor.call("reveal", `${property}-list`);
  await editor.call("countChecks");
  await editor.call("emptyList", property);
  for (const cells of value) {
    await editor.call("addRow", property);
    await editor.call("fillRow", property, cells);
  }
  assert.ok((await editor.call<number>("checks")) > 0, `a change in ${property} checks nothing`);
}

/** Whether a deployed node holds what was filled in. */
function assertHolds(node: SavedNode, form: FormCase): void {
  const secrets = new Set([...(form.secret ?? []), "username", "clientId"]);
  for (const [property, value] of Object.entries(form.fill)) {
    if (typeof value !== "string" || secrets.has(property) || property in form.saved) continue;
    assert.equal(node[property], value, `${form.type}.${property}`);
  }
  for (const [property, value] of Object.entries(form.saved)) assert.deepEqual(node[property], value, `${form.type}.${property}`);
}
