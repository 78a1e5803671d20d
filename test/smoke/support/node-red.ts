import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { freePorts, waitFor } from "../../services/wait";
import { plainEnvironment, type Toolchain } from "./toolchain";

/** The name under which Node-RED knows the pack. */
export const MODULE = "@surewire/node-red-connectors";

/** One set of nodes, as `GET /nodes` lists it. */
export interface NodeSet {
  id: string;
  module: string;
  types: string[];
  enabled: boolean;
  err?: unknown;
}

const SETTINGS = `module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.SMOKE_PORT),
  flowFile: "flows.json",
  credentialSecret: "smoke",
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, palette: { catalogues: [] } },
  logging: { console: { level: "info", metrics: false, audit: false } },
};
`;

/**
 * A Node-RED in a process and a folder of its own. The folder lies outside the project, or what the pack forgot to depend on would
 * be found in the project's node_modules.
 */
export class NodeRed {
  readonly userDir = mkdtempSync(join(tmpdir(), "surewire-smoke-"));
  /** All it has written so far. */
  log = "";
  private port = 0;
  private child: ChildProcess | undefined;

  /** @param environment what npm and the nodes get on top of the plain environment */
  constructor(
    private readonly toolchain: Toolchain,
    private readonly environment: NodeJS.ProcessEnv = {},
  ) {
    writeFileSync(join(this.userDir, "settings.js"), SETTINGS);
    writeFileSync(join(this.userDir, "package.json"), JSON.stringify({ name: "smoke", private: true }));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  async start(): Promise<void> {
    this.port = await freePorts();
    const env = { ...plainEnvironment(), ...this.environment, SMOKE_PORT: String(this.port) };
    const child = spawn(this.toolchain.node, [this.toolchain.red, "-u", this.userDir], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    process.once("exit", () => child.kill("SIGKILL")); // whatever becomes of the tests
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
    await waitFor("Node-RED to start its flows", () => {
      if (child.exitCode !== null) throw new Error(`Node-RED ended: ${this.log}`);
      return /Server now running/.test(this.log) && /Started flows/.test(this.log); // either may come first
    }, { timeout: 60_000 });
  }

  /** Installs a tarball as the palette manager does: Node-RED runs its own npm for it. */
  async install(tarball: string): Promise<void> {
    const form = new FormData();
    form.append("tarball", new Blob([readFileSync(tarball)]), basename(tarball));
    const response = await fetch(`${this.url}nodes`, { method: "POST", body: form });
    if (!response.ok) throw new Error(`The install failed: ${await response.text()}\n${this.log}`);
  }

  async get<T>(path: string, accept = "application/json"): Promise<T> {
    const response = await fetch(this.url + path, { headers: { accept, "accept-language": "en-US" } });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return (accept === "application/json" ? response.json() : response.text()) as Promise<T>;
  }

  /** The pack's sets of nodes. */
  async sets(): Promise<NodeSet[]> {
    return (await this.get<NodeSet[]>("nodes")).filter((set) => set.module === MODULE);
  }

  async stop(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  }

  /** Stops it and removes its folder. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.userDir, { recursive: true, force: true, maxRetries: 3 });
  }
}
