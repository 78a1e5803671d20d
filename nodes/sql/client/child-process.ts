import { fork, type ChildProcess as Forked } from "node:child_process";
import path from "node:path";
import { ConnectorError } from "../../common/errors";
import { DRIVER_ENVIRONMENT } from "./presets";
import { fromData, type OpenOptions, type Operation, type Operations, type Reply } from "./protocol";

/** ms that a child may take to close before it is killed. */
const CLOSE_TIMEOUT = 5000;
/** A silent child is killed this many ms after the longest it may be silent: ODBC blocks its main thread while it connects, SQLite while a statement runs. */
const SILENCE_GRACE = 5000;
/** How many characters are kept of the end of the child's stderr. */
const LAST_WORDS = 300;

interface Pending {
  resolve(answer: unknown): void;
  reject(error: ConnectorError): void;
}

/** One run of the child process: sends it requests, passes on its answers, and tells when it has ended. */
export class ChildProcess {
  private readonly child: Forked;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  /** Id of the request whose statement began last, as the child told. It does not tell while it serves only one request. */
  private begun = 0;
  private silence: NodeJS.Timeout | undefined;
  private lastWords = "";
  private closing = false;
  private gone = false;

  /**
   * Starts the process and sends it `options` over the IPC channel, so that the password is neither in its arguments nor in its environment.
   *
   * @param onExit called once, when it has ended for whatever reason. `hung`: it was killed since a driver call did not come back
   */
  constructor(
    private readonly options: OpenOptions,
    private readonly onExit: (hung: boolean) => void,
  ) {
    const extension = path.extname(__filename);
    this.child = fork(path.join(__dirname, "child", `child${extension}`), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // not Node-RED's own flags: an --inspect port cannot be opened twice
      execArgv: ["--no-warnings", ...(extension === ".ts" ? ["--require", require.resolve("tsx/cjs")] : [])],
      // each statement, each fetch and each request of a store holds a thread while it runs, up to poolSize of each; two more are for connecting and closing
      env: { ...DRIVER_ENVIRONMENT, ...process.env, UV_THREADPOOL_SIZE: String(3 * options.poolSize + 2), NODE_OPTIONS: "" },
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.lastWords = (this.lastWords + text).slice(-LAST_WORDS);
    });
    this.child.on("message", (reply: Reply) => this.receive(reply));
    this.child.on("error", (error) => {
      if (this.child.pid !== undefined) this.kill(); // a message could not be sent; "exit" follows
      else this.end(error.message); // never started: no "exit" then
    });
    // not "close": with advanced serialization it never comes once the channel was closed from this side
    this.child.once("exit", (code, signal) => {
      this.gone = true;
      const { stderr } = this.child;
      const ended = (): void => this.end(signal ?? `code ${code}`);
      if (stderr && !stderr.closed) stderr.once("close", ended); // its last words may still be on the way
      else ended();
    });
    this.request("open", options).catch(() => undefined); // the requests that follow fail for the same reason
  }

  /** The process's id, for the log. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Whether it takes requests: it has not ended, and is not closing. */
  get usable(): boolean {
    return !this.gone && !this.closing && this.child.connected;
  }

  /**
   * Sends the child a request and resolves with its answer.
   *
   * @throws ConnectorError the child's, or `DATABASE_UNAVAILABLE` when it ends before it answers
   */
  request<O extends Operation>(operation: O, argument: Operations[O]["argument"]): Promise<Operations[O]["answer"]> {
    return new Promise((resolve, reject) => {
      if (this.gone || !this.child.connected) {
        reject(new ConnectorError("DATABASE_UNAVAILABLE", "The database process has ended"));
        return;
      }
      this.lastId += 1;
      const id = this.lastId;
      this.pending.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.child.send({ id, operation, argument }, (error) => {
        if (!error) return;
        this.pending.delete(id);
        reject(new ConnectorError("DATABASE_UNAVAILABLE", `The database process cannot be reached: ${error.message}`, { cause: error }));
      });
      if (!this.silence) this.listen(); // else the wait for a sign of life goes on: further requests do not prolong it
    });
  }

  /** Kills the process. Its open requests are rejected. */
  kill(): void {
    this.child.kill("SIGKILL");
  }

  /** Lets it finish its statements and close its connections; kills it after 5 s. */
  async close(): Promise<void> {
    if (this.gone) return;
    const ended = new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    const timer = setTimeout(() => this.kill(), CLOSE_TIMEOUT);
    const asked = this.request("close", null).catch(() => undefined);
    this.closing = true;
    await asked;
    if (this.child.connected) this.child.disconnect();
    await ended;
    clearTimeout(timer);
  }

  private receive(reply: Reply): void {
    if ("id" in reply) {
      const pending = this.pending.get(reply.id);
      this.pending.delete(reply.id);
      if ("error" in reply) pending?.reject(fromData(reply.error));
      else pending?.resolve(reply.answer);
    } else if ("begins" in reply) this.begun = reply.begins;
    this.listen();
  }

  /** Starts the wait for the next sign of life. There is no such wait while no request is open. */
  private listen(): void {
    clearTimeout(this.silence);
    this.silence = undefined;
    if (this.pending.size === 0 || this.gone) return;
    const { engine, loginTimeout, queryTimeout } = this.options;
    this.silence = setTimeout(() => {
      if (engine === "sqlite") this.failSlow();
      this.lastWords = "it hung in the driver";
      this.kill();
    }, (engine === "sqlite" ? queryTimeout : loginTimeout) + SILENCE_GRACE);
  }

  /**
   * Fails the request whose statement took too long with an error of its own, so that it is not tried for ever: the embedded SQLite cannot be interrupted.
   * Requests that only waited behind it are tried again, as after any outage.
   */
  private failSlow(): void {
    const { queryTimeout } = this.options;
    const id = this.pending.has(this.begun) ? this.begun : this.pending.keys().next().value;
    const slow = id === undefined ? undefined : this.pending.get(id);
    if (id !== undefined) this.pending.delete(id);
    slow?.reject(new ConnectorError("DATABASE_BUSY", `The statement did not end within ${queryTimeout} ms; the database process was ended`, { details: { state: "HYT00" } }));
  }

  private end(how: string): void {
    this.gone = true;
    clearTimeout(this.silence);
    const words = this.lastWords.trim().split("\n")[0] ?? "";
    const error = new ConnectorError("DATABASE_UNAVAILABLE", `The database process ended (${how})${words ? `: ${words}` : ""}`, {
      details: { ended: how, requests: this.pending.size },
    });
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
    this.onExit(how === "SIGKILL" && words !== "");
  }
}
