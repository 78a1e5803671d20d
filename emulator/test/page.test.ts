import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";
import { startEmulator, type Emulator } from "../src/index";
import { http } from "./helpers";

const CHROMIUM = "/usr/bin/chromium";

describe("the page at /", () => {
  let emulator: Emulator;
  let browser: Browser | undefined;

  before(async () => {
    emulator = await startEmulator();
  });
  after(async () => {
    await browser?.close();
    await emulator.stop();
  });

  it("is HTML that loads nothing from elsewhere", async () => {
    const { status, headers, body } = await http(`${emulator.url}/`);
    assert.equal(status, 200);
    assert.match(headers.get("content-type")!, /^text\/html/);
    assert.doesNotMatch(body, /https?:\/\/|<link|<img|@import|src=/);
  });

  it("shows cases as they come in, as text and never as markup", async function () {
    if (!existsSync(CHROMIUM)) return this.skip();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(emulator.url);
    await page.waitForSelector("#empty:not([hidden])");
    emulator.control.insert({ object: "Case", records: [{ Subject: "<b id=evil>hot</b>", Device_Event_Id__c: "e1" }] });
    await page.waitForSelector("#rows tr");
    assert.equal(await page.textContent("#total"), "1");
    assert.equal(await page.textContent("#rows td:nth-child(3)"), "<b id=evil>hot</b>");
    assert.equal(await page.locator("#evil").count(), 0);
    assert.deepEqual(errors, []);
  });
});
