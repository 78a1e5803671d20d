import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const NODES = join(__dirname, "..", "..", "nodes");
const FORMS = readdirSync(NODES, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html") && !file.includes("locales"));

/** A node's html, as it is written by hand. */
const written = (rows: string, more = ""): string => `<script type="text/html" data-template-name="surewire-sql-write">\n${rows}\n</script>${more}`;

/** The texts that a form's scripts name as a whole: `say("reason.name")`, `reason(a ? "reason.find" : "reason.select", …)`, `number("linger", …)`, `checked("table", …)`, `node._("query.note")`. */
function namedInScripts(file: string, html: string): string[] {
  const beside = [...html.matchAll(/<script src="([^./][^"]*)"/g)].map(([, name = ""]) => readFileSync(join(dirname(file), name), "utf8"));
  const scripts = [html, ...beside].join("\n");
  const word = basename(file, ".html");
  const first = [...scripts.matchAll(/\b(say|reason|number|checked)\(([^,)]*)/g)].filter(([, , argument = ""]) => !argument.includes("+"));
  const own = first.flatMap(([, call, argument = ""]) => [...argument.matchAll(/"([\w.-]+)"/g)].map(([, key]) => `${word}.${call === "number" || call === "checked" ? "label." : ""}${key}`));
  return own.concat([...scripts.matchAll(/\b_\("([\w.-]*\w)"[,)]/g)].map(([, key = ""]) => key));
}

describe("the rows of a form", () => {
  let expandRows: (html: string) => string;

  before(async () => {
    ({ expandRows } = (await import(pathToFileURL(join(NODES, "..", "scripts", "lib", "form-rows.mjs")).href)) as { expandRows: typeof expandRows });
  });

  /** The lines of a row, without what is around it. */
  const lines = (row: string): string[] => expandRows(written(row)).split("\n").slice(1, -1).map((line) => line.trim());

  it("are written out as Node-RED reads them: a label, a field with the property's id, and texts of the node's catalogue", () => {
    assert.deepEqual(lines('<row name="table" icon="table" placeholder note/>'), [
      '<div class="form-row">',
      '<label for="node-input-table"><i class="fa fa-table"></i> <span data-i18n="write.label.table"></span></label>',
      '<input type="text" id="node-input-table" data-i18n="[placeholder]write.placeholder.table">',
      '<div class="surewire-note" data-i18n="write.note.table"></div>',
      "</div>",
    ]);
  });

  it("may be a button with a place for what comes of it", () => {
    assert.deepEqual(lines('<row name="test" icon="plug" kind="button"/>'), [
      '<div class="form-row">',
      '<button type="button" class="red-ui-button" id="surewire-write-test"><i class="fa fa-plug" aria-hidden="true"></i> <span data-i18n="write.label.test"></span></button>',
      '<div id="surewire-write-test-result" role="status" aria-live="polite"></div>',
      "</div>",
    ]);
  });

  it("have the ids of a config node's properties in its form", () => {
    const html = expandRows(written('<row name="vhost" icon="sitemap" placeholder="/"/>', '<script>({ category: "config" })</script>'));
    assert.match(html, /<label for="node-config-input-vhost">/);
    assert.match(html, /<input type="text" id="node-config-input-vhost" placeholder="\/">/);
  });

  it("have the field of their kind", () => {
    const field = (row: string): string[] => lines(row).slice(2, -1);
    assert.deepEqual(field('<row kind="name"/>'), ['<input type="text" id="node-input-name" data-i18n="[placeholder]node-red:common.label.name">']);
    assert.deepEqual(field('<row name="batchSize" icon="cubes" kind="number" unit="rows"/>'), [
      '<input type="text" inputmode="numeric" style="width: 110px" id="node-input-batchSize">',
      '<span class="surewire-unit" data-i18n="write.unit.rows"></span>',
    ]);
    assert.deepEqual(field('<row name="forEach" icon="repeat" kind="typed" live-note/>'), [
      '<input type="text" style="width: 70%" id="node-input-forEach">',
      '<input type="hidden" id="node-input-forEachType">',
      '<div class="surewire-note" id="node-input-forEach-note" aria-live="polite"></div>',
    ]);
    assert.deepEqual(field('<row name="dedupe" icon="shield" kind="check"/>'), [
      '<input type="checkbox" class="surewire-check" id="node-input-dedupe">',
      '<label class="surewire-words" for="node-input-dedupe" data-i18n="write.unit.dedupe"></label>',
    ]);
    assert.deepEqual(field('<row name="onRepeat" icon="repeat" kind="select" options="update leave" texts="repeat"/>'), [
      '<select style="width: 70%" id="node-input-onRepeat">',
      '<option value="update" data-i18n="write.repeat.update"></option>',
      '<option value="leave" data-i18n="write.repeat.leave"></option>',
      "</select>",
    ]);
    assert.deepEqual(field('<row name="keys" icon="key" kind="list"/>'), ['<ol id="node-input-keys-list"></ol>']);
  });

  it("keep their indentation, class and id, and what stands in full beside them", () => {
    const html = expandRows(written('  <p>plain</p>\n  <row name="linger" icon="clock-o" kind="duration" class="surewire-more" id="row"/>'));
    assert.match(html, /\n {2}<p>plain<\/p>\n {2}<div class="form-row surewire-more" id="row">\n {4}<label /);
  });

  it("end the build if they name something that does not exist", () => {
    assert.throws(() => lines('<row name="table" icon="table" placholder/>'), /what is placholder\?/);
    assert.throws(() => lines('<row name="table" icon="table" unit=rows/>'), /what is/);
    assert.throws(() => lines('<row name="table" icon="table" kind="tabel"/>'), /no kind tabel/);
    assert.throws(() => lines('<row icon="table"/>'), /a name and an icon/);
  });

  for (const file of FORMS) {
    it(`of ${file} are all written out, and each text that the form or its scripts name stands in its catalogue`, () => {
      const html = expandRows(readFileSync(join(NODES, file), "utf8"));
      assert.doesNotMatch(html, /<row\b/);
      const catalogue = join(NODES, dirname(file), "locales", "en-US", `${basename(file, ".html")}.json`);
      const texts = existsSync(catalogue) ? (JSON.parse(readFileSync(catalogue, "utf8")) as object) : {};
      const text = (key: string): unknown => key.split(".").reduce<unknown>((part, word) => (part as Record<string, unknown> | undefined)?.[word], texts);
      const keys = [...html.matchAll(/data-i18n="(?:\[[\w-]+\])?([^"]+)"/g)].map(([, key = ""]) => key).filter((key) => !key.startsWith("node-red:"));
      assert.deepEqual(keys.concat(namedInScripts(join(NODES, file), html)).filter((key) => typeof text(key) !== "string"), []);
    });
  }
});
