import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { childrenOf, isAlive, recordOf, signal, type ProcessRecord } from "./process-record";
import { waitFor } from "./wait";

const PROJECT = path.resolve(__dirname, "../..");
const STATE_FILE = "service.json";
/** Characters of a server's log that the error shows when it does not start. */
const LOG_SHOWN = 2_000;

/** What a service's folder says about itself, for a later process that has to clean up. */
interface State {
  owner: ProcessRecord;
  processes: ProcessRecord[];
  temporary: boolean;
}

export interface ServiceOptions {
  /** Loopback port. Default: a free one. */
  port?: number;
  /** Folder of data, log and pid files. Default `.services/<name>-<port>` in the project. */
  folder?: string;
  /** Remove the folder when the service stops for good. Default: true without `folder`, else false. */
  temporary?: boolean;
}

/** Everything started in this process, for {@link stopAll}. */
const running = new Set<Service>();

/**
 * A private server that belongs to this process: own folder, own port, loopback only. Servers do not take part in the terminal's
 * Ctrl-C (own session), so whoever started them stops them in order; should this process be killed, the next one that starts any
 * service finds the folder's state file and clears up.
 */
export abstract class Service {
  /** Loopback port, known after {@link start}. */
  port = 0;
  /** Absolute path of the service's folder, known after {@link start}. */
  folder = "";
  readonly #options: ServiceOptions;
  #processes: ProcessRecord[] = [];
  /** The program that was spawned last, and how it has ended. */
  #spawned: { end?: string } = {};

  /** @param name - in folder names and errors, e.g. "rabbitmq" */
  constructor(readonly name: string, options: ServiceOptions = {}) {
    this.#options = options;
  }

  /** Free port or ports for this service. */
  protected abstract choosePort(): Promise<number>;
  /** Makes the data folder ready; called before each start, so it has to be idempotent. */
  protected abstract prepare(): Promise<void>;
  /** Starts the server and resolves when it answers. */
  protected abstract launch(): Promise<void>;
  /** Asks the server to end in good order. */
  protected abstract requestStop(): void;
  /** Ends the server like a crash would. */
  protected abstract crash(): void;

  /** Starts the server and resolves when it accepts work. Does nothing when it is up already. */
  async start(): Promise<this> {
    if (this.isRunning) return this;
    await this.#settleIn();
    await this.prepare();
    running.add(this);
    try {
      await this.launch().catch((error: unknown) => this.#launchAgain(error));
    } catch (error) {
      const said = this.#lastLog(); // goes with the folder
      this.killNow();
      if (this.#temporary) this.folder = ""; // what starts it again begins anew
      throw new Error(`${this.name} did not start: ${String(error)}\nIts log ends with:\n${said}`, { cause: error });
    }
    return this;
  }

  /** A server that was killed a moment ago may find something of its predecessor and end: an operator's supervisor would start it once more. */
  async #launchAgain(error: unknown): Promise<void> {
    if (this.isRunning) throw error;
    process.emitWarning(`${this.name} is started again: ${String(error)}\n${this.#lastLog()}`);
    this.#processes = [];
    await this.launch();
  }

  /** Stops the server in good order, keeps its data. Resolves when its processes have ended. */
  async halt(): Promise<void> {
    this.requestStop();
    await this.#ended(60_000);
  }

  /** SIGKILL, as a crash of the machine's process would be. Data stays; {@link start} recovers it. */
  async kill(): Promise<void> {
    this.crash();
    await this.#ended(10_000);
  }

  /** Has the server and its children stand still until {@link thaw}, as on a machine that is moved or swaps. */
  freeze(): void {
    for (const record of this.#tree()) signal(record, "SIGSTOP");
  }

  /** Lets them go on. */
  thaw(): void {
    for (const record of this.#tree()) signal(record, "SIGCONT");
  }

  /** Stops and starts again on the same port and data. */
  async restart(): Promise<void> {
    await this.halt();
    await this.start();
  }

  /** Stops for good: {@link halt}, and a temporary folder goes away. */
  async stop(): Promise<void> {
    if (this.folder === "") return;
    await this.halt();
    running.delete(this);
    this.#leave();
  }

  /** True while the server's processes run. */
  get isRunning(): boolean {
    return this.#processes.some(isAlive);
  }

  /** Standard output and error of the server. */
  get logFile(): string {
    return path.join(this.folder, "server.log");
  }

  /** Ends everything at once without waiting; for the exit of this process. */
  killNow(): void {
    this.crash();
    try {
      this.#leave();
    } catch {
      // a dying process still wrote into the folder: the next sweep takes it away
    }
  }

  /** Starts a program in a session of its own, writing to {@link logFile}, and remembers it for clean-up. */
  protected spawn(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    const log = openSync(this.logFile, "a");
    const child = spawn(command, args, { cwd: this.folder, ...options, detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    const spawned: { end?: string } = (this.#spawned = {}); // its predecessor's end may be told after this
    child.on("error", (error) => (spawned.end ??= String(error)));
    child.on("exit", (code, signal) => (spawned.end ??= signal ?? `status ${code}`));
    child.unref();
    if (child.pid !== undefined) this.remember(child.pid);
    return child;
  }

  /** Waits until the server that was just started answers. @throws at once when it has ended instead */
  protected async untilItAnswers(ask: () => Promise<unknown>): Promise<void> {
    await waitFor(`${this.name} on port ${this.port}`, async () => this.#spawned.end !== undefined || (await ask()), { timeout: 60_000 });
    if (this.#spawned.end !== undefined) throw new Error(`it has ended (${this.#spawned.end})`);
  }

  /** Remembers a process that has to be gone when the service stops. */
  protected remember(pid: number): void {
    if (!this.#processes.some((record) => record.pid === pid)) this.#processes.push(recordOf(pid));
    this.#save();
  }

  /** Processes of the service that this process started. */
  protected get processes(): readonly ProcessRecord[] {
    return this.#processes;
  }

  /** Sends a signal to the service's processes. */
  protected signalAll(name: NodeJS.Signals): void {
    for (const record of this.#processes) signal(record, name);
  }

  #tree(): ProcessRecord[] {
    const withChildren = (record: ProcessRecord): ProcessRecord[] => [record, ...childrenOf(record.pid).flatMap(withChildren)];
    return this.#processes.flatMap(withChildren);
  }

  async #ended(timeout: number): Promise<void> {
    await waitFor(`the end of ${this.name}`, () => !this.isRunning, { timeout, interval: 20 });
    this.#processes = [];
    this.#save();
  }

  /** Chooses port and folder once, and takes a folder over from a process that died. */
  async #settleIn(): Promise<void> {
    if (this.folder !== "") return;
    sweep();
    this.port = this.#options.port ?? (await this.choosePort());
    this.folder = path.resolve(this.#options.folder ?? path.join(servicesRoot(), `${this.name}-${this.port}`));
    await clearUp(this.folder, false);
    mkdirSync(this.folder, { recursive: true, mode: 0o755 });
    this.#save();
  }

  #lastLog(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8").slice(-LOG_SHOWN) : "";
  }

  get #temporary(): boolean {
    return this.#options.temporary ?? this.#options.folder === undefined;
  }

  #save(): void {
    const state: State = { owner: recordOf(process.pid), processes: this.#processes, temporary: this.#temporary };
    writeFileSync(path.join(this.folder, STATE_FILE), JSON.stringify(state));
  }

  #leave(): void {
    if (this.#temporary) removeFolder(this.folder);
    else if (existsSync(this.folder)) this.#save();
  }
}

/** Stops every service that this process started; the folders of temporary ones go away. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((service) => service.stop()));
}

/** Kills what is left at once: the last resort on the way out. */
function killAll(): void {
  for (const service of running) service.killNow();
  running.clear();
}

process.on("exit", killAll);
for (const name of ["SIGTERM", "SIGHUP"] as const) {
  const end = (): void => {
    killAll();
    process.off(name, end); // not before: the signal often comes twice, to the group and by npm, and the second would end us in the middle
    process.kill(process.pid, name); // the handler is gone: the default action ends the process with the right status
  };
  process.on(name, end);
}

/**
 * Folder that holds the services' folders. `.services` in the project, unless another user (PostgreSQL and MariaDB refuse to run
 * as root) could not reach it, as in a clone under /root: then one in the temporary directory.
 */
function servicesRoot(): string {
  const inProject = path.join(PROJECT, ".services");
  if (process.getuid?.() !== 0 || reachableByOthers(PROJECT)) return inProject;
  return path.join(tmpdir(), `surewire-services-${createHash("sha256").update(PROJECT).digest("hex").slice(0, 8)}`);
}

function reachableByOthers(folder: string): boolean {
  for (let at = folder; ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** Clears up after processes that were killed before they could stop their services. */
function sweep(): void {
  const root = servicesRoot();
  if (!existsSync(root)) return;
  for (const entry of readdirSync(root)) void clearUp(path.join(root, entry), true);
}

/** Ends what a dead owner left in a folder. @param remove - take a temporary folder away as well */
async function clearUp(folder: string, remove: boolean): Promise<void> {
  let state: State;
  try {
    state = JSON.parse(readFileSync(path.join(folder, STATE_FILE), "utf8")) as State;
  } catch {
    return;
  }
  if (isAlive(state.owner) && state.owner.pid !== process.pid) {
    if (!remove) throw new Error(`${folder} belongs to the running process ${state.owner.pid}`);
    return;
  }
  if (state.owner.pid === process.pid && isAlive(state.owner)) return;
  for (const record of state.processes) signal(record, "SIGKILL");
  if (remove && state.temporary) removeFolder(folder);
  else await waitFor(`the end of what was left in ${folder}`, () => !state.processes.some(isAlive), { interval: 20 });
}

/** Takes the folder of a service away, with what somebody who was killed has left running in it. @throws while its owner runs */
export async function clearAway(folder: string): Promise<void> {
  await clearUp(folder, false);
  removeFolder(folder);
}

function removeFolder(folder: string): void {
  // children of a killed server may write a last file while the folder goes
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
