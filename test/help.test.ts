import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "..");
const PAGES = readdirSync(join(ROOT, "nodes"), { recursive: true, encoding: "utf8" }).filter((file) => /locales\/.*\.html$/.test(file));
const LINK = /<a href="https:\/\/github\.com\/surewire\/node-red-connectors\/blob\/main\/(docs\/[\w-]+\.md)(#[\w-]+)?"[^>]*>([^<]*)<\/a>/g;

/** The heading of a page of the documentation. */
const titleOf = (page: string): string => (existsSync(join(ROOT, page)) ? /^# (.*)/.exec(readFileSync(join(ROOT, page), "utf8"))?.[1] ?? "" : "");

describe("the help of the nodes", () => {
  for (const file of PAGES) {
    const html = readFileSync(join(ROOT, "nodes", file), "utf8");

    it(`${file} leads to pages of the documentation, by their titles`, () => {
      assert.match(html, /<h3>References<\/h3>/);
      const links = [...html.matchAll(LINK)].map(([, page = "", part, text]) => ({ page, part, text }));
      assert.ok(links.length > 0);
      for (const { page, part, text } of links) assert.equal(text, part ? text : titleOf(page), page);
    });

    it(`${file} sets off fields and choices as all the others do`, () => {
      assert.doesNotMatch(html, /<[bi]>/);
    });
  }
});
