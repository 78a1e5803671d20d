import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const NODES = join(__dirname, "..", "nodes");
const FILES = readdirSync(NODES, { recursive: true, encoding: "utf8" });

/** What a text literal ends in: of a template, what follows its last value. Undefined for anything else. */
function endOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  return ts.isTemplateExpression(node) ? node.templateSpans.at(-1)?.literal.text : undefined;
}

/** The literals that end in a stop: all that an error is made of, and, since its text may be made before, all with a blank in them. */
function stopped(root: ts.SourceFile): string[] {
  const found: string[] = [];
  const look = (node: ts.Node, inError: boolean): void => {
    const within = inError || (ts.isNewExpression(node) && node.expression.getText().endsWith("Error"));
    const text = node.getText();
    if (endOf(node)?.endsWith(".") && (within || text.includes(" "))) found.push(text);
    ts.forEachChild(node, (child) => look(child, within));
  };
  look(root, false);
  return found;
}

/** The texts of a catalogue's `error` section. */
function errorTexts(catalogue: Record<string, { error?: Record<string, string> }>): string[] {
  return Object.values(catalogue).flatMap(({ error = {} }) => Object.values(error));
}

describe("the texts of errors", () => {
  it("have no stop at their end, in the sources", () => {
    const sources = FILES.filter((file) => file.endsWith(".ts"));
    const wrong = sources.flatMap((file) => {
      const text = readFileSync(join(NODES, file), "utf8");
      return stopped(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)).map((literal) => `${file}: ${literal}`);
    });
    assert.deepEqual(wrong, []);
  });

  it("have no stop at their end, in the catalogues", () => {
    const catalogues = FILES.filter((file) => /locales\/.*\.json$/.test(file));
    const wrong = catalogues.flatMap((file) => {
      const texts = errorTexts(JSON.parse(readFileSync(join(NODES, file), "utf8")) as Record<string, { error?: Record<string, string> }>);
      return texts.filter((text) => text.endsWith(".")).map((text) => `${file}: ${text}`);
    });
    assert.deepEqual(wrong, []);
  });
});
