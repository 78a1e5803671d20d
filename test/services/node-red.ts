import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Service, type ServiceOptions } from "./service";
import { freePorts, isListening, waitFor } from "./wait";

const PROJECT = path.resolve(__dirname, "../..");
const MODULE = "@surewire/node-red-connectors";

/** Node-RED's own nodes that no flow of a test uses. Their libraries take a quarter of the time of a start. */
const LEFT_OUT = ["05-tls.js", "06-httpproxy.js", "10-mqtt.js", "21-httprequest.js", "22-websocket.js", "23-watch.js", "31-tcpin.js", "32-udp.js", "70-HTML.js", "70-YAML.js"];

/** A node in a flow file. Secrets are under `credentials`, as the editor posts them. */
export type FlowNode = { id: string; type: string; credentials?: Record<string, string> } & Record<string, unknown>;

/** Options of {@link NodeRed}. */
export interface NodeRedOptions extends ServiceOptions {
  /** Whether to link the built project into the user directory. If not, the caller has to install the pack. Default true. */
  link?: boolean;
  /** Variables to add to the environment. */
  env?: NodeJS.ProcessEnv;
  /** Whether to serve the editor. Default false. */
  editor?: boolean;
  /** Default `info`. */
  logLevel?: "info" | "trace";
}

/** Node-RED 5 in its own process, with the built pack (`npm run build`), its own user directory, and the admin API on the loopback interface. */
export class NodeRed extends Service {
  readonly #env: NodeJS.ProcessEnv;
  readonly #link: boolean;
  readonly #editor: boolean;
  readonly #logLevel: string;

  constructor(options: NodeRedOptions = {}) {
    super("node-red", options);
    this.#env = options.env ?? {};
    this.#link = options.link ?? true;
    this.#editor = options.editor ?? false;
    this.#logLevel = options.logLevel ?? "info";
  }

  /** `http://127.0.0.1:<port>`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The user directory. */
  get userDir(): string {
    return path.join(this.folder, "user");
  }

  /** The main process. */
  get pid(): number {
    return this.processes[0]?.pid ?? 0;
  }

  /** The log since its first start. */
  get log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
  }

  /** Resident memory of the main process, in MB (VmRSS of /proc/<pid>/status). */
  get rss(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Deploys flows, as the editor's Deploy button does. Resolves when the new flows have started. */
  async deploy(flows: FlowNode[], type: "full" | "flows" | "nodes" | "reload" = "full"): Promise<void> {
    const started = this.#starts();
    const response = await fetch(`${this.url}/flows`, {
      method: "POST",
      headers: { "content-type": "application/json", "node-red-api-version": "v2", "node-red-deployment-type": type },
      body: JSON.stringify({ flows }),
    });
    if (!response.ok) throw new Error(`Deploy failed: ${response.status} ${await response.text()}`);
    await waitFor("the flows to start", () => this.#starts() > started, { interval: 20 });
  }

  protected choosePort(): Promise<number> {
    return freePorts();
  }

  protected prepare(): Promise<void> {
    mkdirSync(this.userDir, { recursive: true });
    const settings = {
      uiHost: "127.0.0.1",
      uiPort: this.port,
      flowFile: "flows.json",
      credentialSecret: "test",
      disableEditor: !this.#editor,
      nodesExcludes: this.#editor ? [] : LEFT_OUT,
      editorTheme: { tours: false },
      externalModules: { palette: { allowInstall: false } }, // otherwise each start runs npm to find out its version
      telemetry: { enabled: false },
      logging: { console: { level: this.#logLevel, metrics: this.#logLevel === "trace", audit: this.#logLevel === "trace" } },
    };
    writeFileSync(path.join(this.userDir, "settings.js"), `module.exports = ${JSON.stringify(settings, undefined, 2)};\n`);
    if (this.#link) this.#linkPack();
    return Promise.resolve();
  }

  protected async launch(): Promise<void> {
    const started = this.#starts();
    const red = path.join(PROJECT, "node_modules", "node-red", "red.js");
    this.spawn(process.execPath, [red, "-u", this.userDir], { env: { ...process.env, NODE_OPTIONS: "", ...this.#env } });
    await this.untilItAnswers(async () => this.#starts() > started && isListening(this.port)); // each of the two may come first
  }

  protected requestStop(): void {
    this.signalAll("SIGTERM");
  }

  protected crash(): void {
    this.signalAll("SIGKILL");
  }

  #starts(): number {
    return this.log.split("Started flows").length + this.log.split("Started modified").length;
  }

  #linkPack(): void {
    if (!existsSync(path.join(PROJECT, "dist"))) throw new Error("dist/ is missing: npm run build");
    const link = path.join(this.userDir, "node_modules", MODULE);
    if (!existsSync(link)) {
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(PROJECT, link);
    }
    const manifest = { name: "test", private: true, dependencies: { [MODULE]: "*" } };
    writeFileSync(path.join(this.userDir, "package.json"), JSON.stringify(manifest));
  }
}
