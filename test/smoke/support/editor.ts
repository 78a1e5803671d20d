import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page, type Route } from "playwright-core";
import { waitFor } from "../../services/wait";

/**
 * What Chromium needs to run as root, without a graphics card, and without talking to anybody: no name resolves. (A route of Playwright's that
 * aborts requests would switch off the browser's cache, which makes each load of the editor cost half as much again.)
 */
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];

/** The editor swallows what a node's own functions throw, and only prints it. */
const SWALLOWED = /^(oneditprepare|oneditsave|oneditresize|oneditcancel|Validation error|Unknown type|Definition error)/;

/** Light or dark, as the user chose it in the editor. */
export type Scheme = "light" | "dark";

/** Node-RED's editor in a browser of its own. */
export class Editor {
  /** What went wrong in the page since it was opened, or since {@link takeErrors}. */
  private errors: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
    private readonly url: string,
    private readonly profile: string,
  ) {}

  static async open(url: string): Promise<Editor> {
    // Node-RED's tips trip over themselves when they are shown before their place in the page is there
    const settings = { editor: { view: { "view-show-tips": false } } };
    await fetch(`${url}settings/user`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(settings) });
    const profile = mkdtempSync(join(tmpdir(), "surewire-chromium-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ARGUMENTS,
      viewport: { width: 1280, height: 1100 },
      locale: "en-US",
    });
    const page = context.pages()[0] ?? (await context.newPage());
    await context.addInitScript({ path: join(__dirname, "page-helpers.js") });
    page.setDefaultTimeout(45_000);
    page.setDefaultNavigationTimeout(90_000); // the whole editor, on a machine that does much else
    const editor = new Editor(context, page, url, profile);
    page.on("pageerror", (error) => editor.errors.push(String(error.stack ?? error)));
    page.on("console", (message) => {
      const { url: from } = message.location();
      const text = message.text();
      const foreign = from !== "" && !from.startsWith(url);
      if ((message.type() === "error" && !foreign) || SWALLOWED.test(text)) editor.errors.push(`${text} (${from})`);
    });
    await editor.load();
    return editor;
  }

  /** Loads the page anew, in the given scheme. */
  async load(scheme: Scheme = "light"): Promise<void> {
    await this.page.goto(`${this.url}settings`); // a small page of the same origin: what the editor reads as it starts must stand there before
    await this.page.evaluate(`localStorage.setItem("view-dark-theme", "${scheme}")`);
    await this.page.goto(this.url);
    await this.until("the editor to be ready", "smoke.ready()");
  }

  /** Keeps the answers to some requests of the page back. @returns what lets them through, and all later ones */
  async holdBack(which: (address: URL) => boolean): Promise<() => Promise<void>> {
    const held: Route[] = [];
    let open = false;
    const keep = (route: Route): void => void (open ? route.continue() : held.push(route));
    await this.page.route(which, keep);
    return async () => {
      open = true;
      await Promise.all(held.map((route) => route.continue()));
      await this.page.unroute(which, keep); // last: without any route, what is held goes on by itself, and may not again
    };
  }

  /** Calls one of the page helpers. */
  call<T>(name: string, ...args: unknown[]): Promise<T> {
    return this.page.evaluate(`smoke.${name}(${args.map((arg) => JSON.stringify(arg)).join(", ")})`) as Promise<T>;
  }

  /** Waits for an expression in the page to become truthy. */
  until(what: string, expression: string, timeout = 45_000): Promise<unknown> {
    return waitFor(what, () => this.page.evaluate(expression), { timeout });
  }

  /** What went wrong in the page so far; the list starts anew. */
  takeErrors(): string[] {
    return this.errors.splice(0);
  }

  async openForm(id: string): Promise<void> {
    await this.call("open", id);
    await this.until(`the form of ${id}`, `smoke.isOpen(${JSON.stringify(id)})`);
  }

  /** Closes the open form with its Done (Update) button. */
  async saveForm(): Promise<void> {
    await this.page.locator("#node-dialog-ok:visible, #node-config-dialog-ok:visible").last().click();
    await this.until("the form to close", "smoke.isClosed()");
  }

  /** Deploys, and waits until the editor has nothing left to deploy. */
  async deploy(): Promise<void> {
    await this.page.locator("#red-ui-header-button-deploy").click();
    await this.until("the deploy", "!smoke.dirty()");
  }

  /** Leaves all open forms without saving, so that one failed test does not fail those after it. */
  async leaveForms(): Promise<void> {
    await this.until("the forms to close", "smoke.leave() || smoke.isClosed()").catch(() => undefined);
    this.takeErrors();
  }

  async screenshot(path: string): Promise<void> {
    await this.page.screenshot({ path });
  }

  async close(): Promise<void> {
    await this.context.close();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 3 });
  }
}
