import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { childrenOf, isAlive, recordOf, signal, type ProcessRecord } from "./process-record";
import { waitFor } from "./wait";

const PROJECT = path.resolve(__dirname, "../..");
const STATE_FILE = "service.json";
/** How many characters of a server's log are in the error when it does not start. */
const LOG_SHOWN = 2_000;

/** The content of the state file in the folder of a service, for a later process that has to clean up. */
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
  /** Whether to remove the folder when the service stops for good. Default: true if no `folder` is given, otherwise false. */
  temporary?: boolean;
}

/** All services that were started in this process, for {@link stopAll}. */
const running = new Set<Service>();

/**
 * A server that belongs to this process. It has its own folder and port, and listens only on the loopback interface. It runs in its own session, so that Ctrl-C in the
 * terminal does not reach it and this process can stop it in an orderly way. If this process is killed, the next one that starts any service finds the state file in the
 * folder and cleans up.
 */
export abstract class Service {
  /** Loopback port. Known after {@link start}. */
  port = 0;
  /** Absolute path of the service's folder. Known after {@link start}. */
  folder = "";
  readonly #options: ServiceOptions;
  #processes: ProcessRecord[] = [];
  /** How the program that was spawned last has ended. */
  #spawned: { end?: string } = {};

  /** @param name - used in folder names and errors, e.g. "rabbitmq" */
  constructor(readonly name: string, options: ServiceOptions = {}) {
    this.#options = options;
  }

  /** Returns a free port, or the first of the free ports, for this service. */
  protected abstract choosePort(): Promise<number>;
  /** Prepares the data folder. It is called before each start, so it must be idempotent. */
  protected abstract prepare(): Promise<void>;
  /** Starts the server and resolves when it answers. */
  protected abstract launch(): Promise<void>;
  /** Asks the server to end in an orderly way. */
  protected abstract requestStop(): void;
  /** Ends the server as a crash would. */
  protected abstract crash(): void;

  /** Starts the server and resolves when it is ready. Does nothing if it already runs. */
  async start(): Promise<this> {
    if (this.isRunning) return this;
    await this.#settleIn();
    await this.prepare();
    running.add(this);
    try {
      await this.launch().catch((error: unknown) => this.#launchAgain(error));
    } catch (error) {
      const said = this.#lastLog(); // the log is removed with the folder
      this.killNow();
      if (this.#temporary) this.folder = ""; // the next start chooses a new one
      throw new Error(`${this.name} did not start: ${String(error)}\nIts log ends with:\n${said}`, { cause: error });
    }
    return this;
  }

  /** Launches the server once more, as a supervisor would. A server that was killed a moment ago may end because of something that its predecessor has left. */
  async #launchAgain(error: unknown): Promise<void> {
    if (this.isRunning) throw error;
    process.emitWarning(`${this.name} is started again: ${String(error)}\n${this.#lastLog()}`);
    this.#processes = [];
    await this.launch();
  }

  /** Stops the server in an orderly way and keeps its data. Resolves when its processes have ended. */
  async halt(): Promise<void> {
    this.requestStop();
    await this.#ended(60_000);
  }

  /** Kills the server as a crash would. Its data stays, and {@link start} recovers it. */
  async kill(): Promise<void> {
    this.crash();
    await this.#ended(10_000);
  }

  /** Suspends the server and its children until {@link thaw}, as on a machine that is migrated or swaps. */
  freeze(): void {
    for (const record of this.#tree()) signal(record, "SIGSTOP");
  }

  /** Resumes the server after {@link freeze}. */
  thaw(): void {
    for (const record of this.#tree()) signal(record, "SIGCONT");
  }

  /** Stops the server and starts it again with the same port and data. */
  async restart(): Promise<void> {
    await this.halt();
    await this.start();
  }

  /** Stops the server for good and removes a temporary folder. */
  async stop(): Promise<void> {
    if (this.folder === "") return;
    await this.halt();
    running.delete(this);
    this.#leave();
  }

  /** Whether a process of the server runs. */
  get isRunning(): boolean {
    return this.#processes.some(isAlive);
  }

  /** Standard output and error of the server. */
  get logFile(): string {
    return path.join(this.folder, "server.log");
  }

  /** Ends everything at once without waiting. For the exit of this process. */
  killNow(): void {
    this.crash();
    try {
      this.#leave();
    } catch {
      // a dying process has still written to the folder; the next sweep removes it
    }
  }

  /** Starts a program in its own session, with its output in {@link logFile}, and remembers it for the clean-up. */
  protected spawn(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    const log = openSync(this.logFile, "a");
    const child = spawn(command, args, { cwd: this.folder, ...options, detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    const spawned: { end?: string } = (this.#spawned = {}); // the end of its predecessor may be reported after this
    child.on("error", (error) => (spawned.end ??= String(error)));
    child.on("exit", (code, signal) => (spawned.end ??= signal ?? `status ${code}`));
    child.unref();
    if (child.pid !== undefined) this.remember(child.pid);
    return child;
  }

  /** Waits until the server that was just started answers. @throws Error at once if it has ended instead */
  protected async untilItAnswers(ask: () => Promise<unknown>): Promise<void> {
    await waitFor(`${this.name} on port ${this.port}`, async () => this.#spawned.end !== undefined || (await ask()), { timeout: 60_000 });
    if (this.#spawned.end !== undefined) throw new Error(`it has ended (${this.#spawned.end})`);
  }

  /** Remembers a process that must end with the service. */
  protected remember(pid: number): void {
    if (!this.#processes.some((record) => record.pid === pid)) this.#processes.push(recordOf(pid));
    this.#save();
  }

  /** The processes of the service. */
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

  /** Chooses port and folder once. Takes over a folder from a process that has died. */
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

/** Stops all services that this process has started, and removes temporary folders. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((service) => service.stop()));
}

/** Kills all services that are left, at the exit of this process. */
function killAll(): void {
  for (const service of running) service.killNow();
  running.clear();
}

process.on("exit", killAll);
for (const name of ["SIGTERM", "SIGHUP"] as const) {
  const end = (): void => {
    killAll();
    process.off(name, end); // not before: the signal often comes twice, to the process group and from npm, and the second one would end this process too early
    process.kill(process.pid, name); // without the handler, the default action ends the process with the right status
  };
  process.on(name, end);
}

/**
 * Returns the folder that contains the services' folders: `.services` in the project, or one in the temporary directory if other users cannot reach the project, as in a
 * clone under /root. PostgreSQL and MariaDB refuse to run as root, so they run as other users.
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

/** Cleans up after processes that were killed before they could stop their services. */
function sweep(): void {
  const root = servicesRoot();
  if (!existsSync(root)) return;
  for (const entry of readdirSync(root)) void clearUp(path.join(root, entry), true);
}

/** Ends the processes that a dead owner has left in a folder. @param remove - whether to remove a temporary folder as well */
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

/** Removes the folder of a service, and ends the processes that a killed owner has left in it. @throws Error while its owner runs */
export async function clearAway(folder: string): Promise<void> {
  await clearUp(folder, false);
  removeFolder(folder);
}

function removeFolder(folder: string): void {
  // children of a killed server may write a last file while the folder is removed
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
