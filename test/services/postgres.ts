import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Client, type ClientConfig } from "pg";
import { childrenOf, signal } from "./process-record";
import { Service, type ServiceOptions } from "./service";
import { serverUser } from "./user";
import { freePorts } from "./wait";

const ROOT = "/usr/lib/postgresql";
const run = promisify(execFile);

export interface PostgresOptions extends ServiceOptions {
  /**
   * Whether to wait for the disk at each commit, as a real server does. Default false: without it, data is lost only in a power cut and not when the server is killed, and
   * the time of the tests does not depend on slow disks.
   */
  fsync?: boolean;
}

/** A PostgreSQL server from Debian's package `postgresql`. User, password and database are all `surewire`. */
export class Postgres extends Service {
  readonly username = "surewire";
  readonly password = "surewire";
  readonly database = "surewire";
  readonly #fsync: boolean;

  constructor(options: PostgresOptions = {}) {
    super("postgres", options);
    this.#fsync = options.fsync ?? false;
  }

  /** For ODBC, without user and password, which are credentials of the database node. */
  get connectionString(): string {
    return `Driver={PostgreSQL Unicode};Server=127.0.0.1;Port=${this.port};Database=${this.database}`;
  }

  /** For ODBC, with user and password. */
  get connectionStringWithCredentials(): string {
    return `${this.connectionString};Uid=${this.username};Pwd=${this.password}`;
  }

  /** For npm's `pg`. */
  get clientConfig(): ClientConfig {
    return { host: "127.0.0.1", port: this.port, user: this.username, password: this.password, database: this.database };
  }

  /** Runs one statement on a connection of its own. @returns the rows */
  async query<R extends object = Record<string, unknown>>(sql: string, values: unknown[] = []): Promise<R[]> {
    return (await this.#query(this.database, sql, values)) as R[];
  }

  protected choosePort(): Promise<number> {
    return freePorts(1);
  }

  protected async prepare(): Promise<void> {
    if (existsSync(path.join(this.#data, "PG_VERSION"))) return;
    const user = serverUser("postgres");
    mkdirSync(this.#data, { recursive: true, mode: 0o700 });
    if (user.uid !== undefined && user.gid !== undefined) chownSync(this.#data, user.uid, user.gid);
    const passwordFile = path.join(this.folder, "password");
    writeFileSync(passwordFile, this.password);
    const options = ["-U", this.username, `--pwfile=${passwordFile}`, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"];
    await run(path.join(binaries(), "initdb"), ["-D", this.#data, ...options], { cwd: this.folder, ...user });
  }

  protected async launch(): Promise<void> {
    const settings = {
      port: this.port,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      shared_buffers: "128MB",
      fsync: this.#fsync ? "on" : "off",
      log_checkpoints: "off",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    this.spawn(path.join(binaries(), "postgres"), ["-D", this.#data, ...options], serverUser("postgres"));
    await this.untilItAnswers(() => this.#query("postgres", "select 1"));
    const found = await this.#query("postgres", "select 1 from pg_database where datname = $1", [this.database]);
    if (found.length === 0) await this.#query("postgres", `create database ${this.database}`);
  }

  /** Sends SIGINT, which asks for a "fast" shutdown: ends connections, rolls back, writes a checkpoint. */
  protected requestStop(): void {
    this.signalAll("SIGINT");
  }

  protected crash(): void {
    this.signalAll("SIGSTOP"); // so that it forks no more backends in the meantime
    const backends = this.processes.flatMap((record) => childrenOf(record.pid));
    this.signalAll("SIGKILL");
    for (const backend of backends) signal(backend, "SIGKILL"); // otherwise they keep the shared memory, and the next start is refused
  }

  async #query(database: string, sql: string, values: unknown[] = []): Promise<object[]> {
    const client = new Client({ ...this.clientConfig, database });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql, values)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  get #data(): string {
    return path.join(this.folder, "data");
  }
}

/** Returns the folder with the programs of the newest server on this machine. */
function binaries(): string {
  const versions = existsSync(ROOT) ? readdirSync(ROOT).filter((version) => existsSync(path.join(ROOT, version, "bin/postgres"))) : [];
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  return path.join(ROOT, newest, "bin");
}
