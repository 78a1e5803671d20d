import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const NODES = join(__dirname, "..", "nodes");
const CATALOGUES = readdirSync(NODES, { recursive: true, encoding: "utf8" }).filter((file) => /locales\/.*\.json$/.test(file));
/** Texts that tell of templates. */
const ABOUT_TEMPLATES = ["request.note.placeholder", "write.reason.mustache"];

/** The texts of a catalogue, by their keys. */
function texts(part: object, under = ""): [string, string][] {
  return Object.entries(part).flatMap(([key, value]) => (typeof value === "string" ? [[under + key, value]] : texts(value as object, `${under}${key}.`)));
}

describe("the catalogues of the nodes", () => {
  for (const file of CATALOGUES) {
    it(`${file} marks its values as Node-RED reads them, __so__`, () => {
      const wrong = texts(JSON.parse(readFileSync(join(NODES, file), "utf8")) as object).filter(([key, text]) => text.includes("{{") && !ABOUT_TEMPLATES.includes(key));
      assert.deepEqual(wrong, []);
    });

    // Node-RED's catalogues are of the third format of i18next, and it translates the names itself
    it(`${file} has for each text of several things one of a single thing`, () => {
      const all = new Map(texts(JSON.parse(readFileSync(join(NODES, file), "utf8")) as object));
      const alone = [...all.keys()].filter((key) => /_(one|other)$/.test(key) || (key.endsWith("_plural") && !all.has(key.replace(/_plural$/, ""))));
      assert.deepEqual(alone, []);
      const several = [...all].filter(([key, text]) => /__(count|rows|done)__ (\w+ )?(letters|rows|defaults|messages|records|events|cases|times)\b/.test(text) && !key.endsWith("_plural"));
      assert.deepEqual(several, []);
    });
  }
});
