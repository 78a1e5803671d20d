/**
 * The rows of a form, of which each kind is written only once. Where a node's html has
 *
 *     <row name="batchSize" icon="cubes" kind="number" unit="rows"/>
 *
 * the build writes the plain html for Node-RED. A row with something special is written in full in the node's html, among the others.
 *
 * Node-RED finds the fields of properties by their ids. The texts are in the node's catalogue, those of `surewire-sql-write` under `write`:
 *
 * | attribute | what it sets, for a row named `batchSize` |
 * |---|---|
 * | `name` | the property; or the name of a list (`keys` becomes `node-input-keys-list`), or of a field that is no property |
 * | `kind` | one of {@link KINDS}; default `text`. `<row kind="name"/>` is the row for a node's name, `kind="button"` a button with a place for its result |
 * | `icon` | an icon of Font Awesome 4, without `fa-` |
 * | `label` | a text other than `write.label.batchSize`: `label="rows"` is `write.label.rows`, and `node-red:common.label.username` a text of Node-RED itself |
 * | `unit` | text behind the field: `unit="rows"` is `write.unit.rows`, `unit` alone `write.unit.batchSize`; a check box always has the latter |
 * | `note` | text below the field, from `write.note.…` in the same way; with `live-note`, the form's script writes it into `#node-input-batchSize-note` |
 * | `placeholder` | the text itself; without a value `write.placeholder.batchSize` |
 * | `options`, `texts` | the words of a select: `options="update leave"` has the texts `write.batchSize.update` …, with `texts="repeat"` `write.repeat.update` … |
 * | `class`, `id` | attributes of the whole row |
 * | {@link CONTROL} | attributes of the field itself |
 */

/** Attributes of a row that are given to its field. */
const CONTROL = ["autocomplete", "inputmode", "list", "readonly", "rows", "style"];
/** Attributes of the row itself. */
const OTHERS = ["name", "kind", "icon", "label", "unit", "note", "live-note", "placeholder", "options", "texts", "class", "id"];

const NODE_NAME = "node-red:common.label.name";

/** The html behind the label, by the kind of the row. */
const KINDS = {
  text: ({ field }) => [tag("input", { type: "text", ...field })],
  secret: ({ field }) => [tag("input", { type: "password", ...field, autocomplete: "new-password" })],
  /** A number, saved as one by `surewire.save`. */
  number: ({ field }) => [tag("input", { type: "text", inputmode: "numeric", style: "width: 110px", ...field })],
  /** A number of ms, which the form shows in s, min or h as well. */
  duration: ({ field }) => [tag("input", { type: "text", inputmode: "numeric", style: "width: 110px", ...field, "data-unit": "ms" })],
  check: ({ field, key }) => [
    tag("input", { type: "checkbox", class: "surewire-check", ...field }),
    tag("label", { class: "surewire-words", for: field.id, "data-i18n": key("unit", true) }, ""),
  ],
  select: ({ field, row, key }) => {
    const option = (word) => tag("option", { value: word, "data-i18n": key(row.texts ?? row.name, word) }, "");
    const options = row.options?.split(" ").map((word) => `  ${option(word)}`) ?? [];
    const [open, close] = tag("select", { style: "width: 70%", ...field }, "\n").split("\n");
    return options.length === 0 ? [open + close] : [open, ...options, close];
  },
  /** A typed input, and the hidden field with its type. */
  typed: ({ field }) => [tag("input", { type: "text", style: "width: 70%", ...field }), tag("input", { type: "hidden", id: `${field.id}Type` })],
  /** Statements and queries. */
  code: ({ field }) => [tag("textarea", { class: "surewire-code", rows: 4, spellcheck: "false", ...field }, "")],
  /** A list of rows: `surewire.list`. */
  list: ({ field }) => [tag("ol", field, "")],
};

/** Returns the html of an element. With `content` it has an end tag. */
function tag(element, attributes, content) {
  const written = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const open = `<${[element, ...written.map(([name, value]) => (value === true ? name : `${name}="${value}"`))].join(" ")}>`;
  return content === undefined ? open : `${open}${content}</${element}>`;
}

/** Returns the attributes of a row. @throws Error when one is unknown, or the name or the icon is missing */
function attributesOf(source) {
  const row = {};
  const rest = source.replace(/([a-z-]+)(?:="([^"]*)")?(?=\s|$)/g, (_all, name, value = true) => {
    row[name] = value;
    return "";
  });
  const unknown = Object.keys(row).filter((name) => !OTHERS.includes(name) && !CONTROL.includes(name));
  if (rest.trim() !== "" || unknown.length > 0) throw new Error(`<row ${source}/>: what is ${[rest.trim(), ...unknown].filter(Boolean).join(", ")}?`);
  if (row.kind === "name") return { name: "name", icon: "tag", label: NODE_NAME, placeholder: NODE_NAME };
  if (!row.name || !row.icon) throw new Error(`<row ${source}/>: a row has a name and an icon`);
  return row;
}

/** Returns the html of a button and of the place for its results: `name="test"` of a database gives `#surewire-database-test` and `#surewire-database-test-result`. */
function buttonOf({ name, icon }, { word }) {
  const id = `surewire-${word}-${name}`;
  const content = `<i class="fa fa-${icon}" aria-hidden="true"></i> ${tag("span", { "data-i18n": `${word}.label.${name}` }, "")}`;
  const lines = [tag("button", { type: "button", class: "red-ui-button", id }, content), tag("div", { id: `${id}-result`, role: "status", "aria-live": "polite" }, "")];
  return ['<div class="form-row">', ...lines.map((line) => `  ${line}`), "</div>"];
}

/** Returns the lines of a row. @param form `{ word, config }`: the word in the catalogue under which its texts are, and whether it is a config node's form */
function linesOf(source, form) {
  const row = attributesOf(source);
  if (row.kind === "button") return buttonOf(row, form);
  const kind = KINDS[row.kind ?? "text"];
  if (!kind) throw new Error(`<row ${source}/>: there is no kind ${row.kind}`);
  const isKey = (word) => word === true || String(word).startsWith("node-red:");
  const key = (group, word) => (word !== true && isKey(word) ? word : `${form.word}.${group}.${word === true ? row.name : word}`);
  const property = `node-${form.config ? "config-" : ""}input-${row.name}`;
  const field = { id: row.kind === "list" ? `${property}-list` : property };
  for (const name of CONTROL) if (row[name] !== undefined) field[name] = row[name];
  if (isKey(row.placeholder)) field["data-i18n"] = `[placeholder]${key("placeholder", row.placeholder)}`;
  else field.placeholder = row.placeholder;
  const label = tag("span", { "data-i18n": key("label", row.label ?? true) }, "");
  const lines = [tag("label", { for: field.id }, `<i class="fa fa-${row.icon}"></i> ${label}`), ...kind({ row, field, key })];
  if (row.unit !== undefined) lines.push(tag("span", { class: "surewire-unit", "data-i18n": key("unit", row.unit) }, ""));
  if (row.note !== undefined) lines.push(tag("div", { class: "surewire-note", "data-i18n": key("note", row.note) }, ""));
  if (row["live-note"]) lines.push(tag("div", { class: "surewire-note", id: `${property}-note`, "aria-live": "polite" }, ""));
  const [open, close] = tag("div", { class: ["form-row", row.class].filter(Boolean).join(" "), id: row.id }, "\n").split("\n");
  return [open, ...lines.map((line) => `  ${line}`), close];
}

/** Returns the html of a node with each `<row …/>` written out. @throws Error when a row has an unknown attribute or kind, or no name or icon */
export function expandRows(html) {
  const type = /data-template-name="([\w-]+)"/.exec(html)?.[1];
  if (!type) return html;
  const form = { word: type.split("-").at(-1), config: /category: "config"/.test(html) };
  return html.replace(/^( *)<row\s+([^>]*?)\s*\/>$/gm, (_all, indent, source) => linesOf(source, form).map((line) => indent + line).join("\n"));
}
