import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runInNewContext } from "node:vm";
import util from "@node-red/util";

const ROOT = join(__dirname, "..", "..");

interface Definition {
  paletteLabel?: string;
  defaults: Record<string, { value: unknown; label?: string; required?: boolean; validate?: (this: object, value: unknown, options: object) => unknown }>;
}

/** The scripts that our forms share. */
const SHARED = readdirSync(join(ROOT, "nodes", "editor")).filter((file) => file.endsWith(".js")).map((file) => readFileSync(join(ROOT, "nodes", "editor", file), "utf8"));

/** Returns what the editor finds wrong with the value of a typed input, as far as the tests of forms need this: for paths, numbers, JSON and JSONata. Empty if nothing is wrong. */
function typedProblem(value: unknown, type: string | undefined): string {
  const text = String(value);
  try {
    if (type === "msg" || type === "flow" || type === "global") util.util.normalisePropertyExpression(text, {}, false);
    if (type === "json") JSON.parse(text);
    if (type === "jsonata") util.util.prepareJSONataExpression(text, {} as never);
    return type === "num" && Number.isNaN(Number(text)) ? "is no number" : "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same as `RED.validators.typedInput` for a node that is not open in a form. */
function typedInput({ type, typeField = "", allowBlank }: { type?: string; typeField?: string; allowBlank?: boolean }) {
  return function (this: Record<string, string> | null, value: unknown): true | string {
    if (allowBlank && (value === "" || value === undefined)) return true;
    if (/^\$\{[^}]+\}$/.test(String(value))) return true;
    return typedProblem(value, type ?? this?.[typeField]) || true;
  };
}

/** Returns what the HTML of a node registers in the editor, by type. No form is open, and there is no browser. */
export function registered(html: string): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const RED = {
    _: (key: string) => key,
    validators: { typedInput, regex: () => () => true, number: () => () => true },
    nodes: { registerType: (type: string, definition: Definition) => void found.set(type, definition), node: (id: string) => ({ id }) },
    plugins: { registerPlugin: () => undefined },
    text: { bidi: {} },
    editor: { getEditStack: () => [] },
    utils: { validateTypedProperty: () => true, validatePropertyExpression: () => true },
  };
  const window = {} as Record<string, unknown>;
  const context = { RED, window, get surewire() { return window.surewire; }, $: () => ({ length: 0 }), console, URL };
  for (const script of SHARED) runInNewContext(script, context);
  for (const [, attributes = "", body = ""] of readFileSync(html, "utf8").matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
    const source = /src="([^"]+)"/.exec(attributes)?.[1];
    if (/text\/html|x-red/.test(attributes)) continue;
    runInNewContext(source ? readFileSync(join(dirname(html), source), "utf8") : body, context);
  }
  return found;
}

/** Returns what the editor saves for a new node of ours, without its name. @param file file of the form, relative to the project's folder */
export function formDefaults(type: string, file: string): Record<string, unknown> {
  const definition = registered(join(ROOT, file)).get(type);
  if (!definition) throw new Error(`${file} registers no ${type}`);
  const defaults = Object.fromEntries(Object.entries(definition.defaults).filter(([name]) => name !== "name").map(([name, { value }]) => [name, value]));
  // the objects of the other context have other prototypes
  return JSON.parse(JSON.stringify(defaults)) as Record<string, unknown>;
}

/** Returns the properties of a saved node that its form would mark red, each with the reason. @param file file of the form, relative to the project's folder */
export function formErrors(node: { type: string } & Record<string, unknown>, file: string): string[] {
  const { defaults = {} } = registered(join(ROOT, file)).get(node.type) ?? {};
  return Object.entries(defaults).flatMap(([name, { required, validate }]) => {
    if (required && (node[name] === "" || node[name] === undefined)) return [`${name}: required`];
    const result = validate?.call(node, node[name], { label: name }) ?? true;
    return result === true ? [] : [`${name}: ${String(result)}`];
  });
}
