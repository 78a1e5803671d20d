import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Service, type ServiceOptions } from "./service";
import { serverUser } from "./user";
import { freePorts } from "./wait";

const run = promisify(execFile);

/** A MariaDB server from Debian's package `mariadb-server`. User, password and database are all `surewire`. */
export class MariaDb extends Service {
  readonly username = "surewire";
  readonly password = "surewire";
  readonly database = "surewire";

  constructor(options: ServiceOptions = {}) {
    super("mariadb", options);
  }

  /** For ODBC, without user and password, which are credentials of the database node. */
  get connectionString(): string {
    return `Driver={MariaDB Unicode};Server=127.0.0.1;Port=${this.port};Database=${this.database}`;
  }

  /** For ODBC, with user and password. */
  get connectionStringWithCredentials(): string {
    return `${this.connectionString};Uid=${this.username};Pwd=${this.password}`;
  }

  /** Runs statements with the command line client. @returns rows in which every value is a string as the server prints it, and NULL is null */
  async query(sql: string): Promise<Record<string, string | null>[]> {
    const connection = ["--no-defaults", "-h", "127.0.0.1", "-P", String(this.port), "--protocol=tcp", "-u", this.username, this.database];
    const options = ["--xml", "--default-character-set=utf8mb4", "-e", sql];
    const environment = { ...process.env, MYSQL_PWD: this.password };
    const { stdout } = await run("mariadb", [...connection, ...options], { env: environment, maxBuffer: 256 * 1024 * 1024 });
    return rowsOf(stdout);
  }

  protected choosePort(): Promise<number> {
    return freePorts(1);
  }

  protected async prepare(): Promise<void> {
    if (existsSync(path.join(this.#data, "mysql"))) return;
    const user = serverUser("mysql");
    mkdirSync(this.#data, { recursive: true, mode: 0o700 });
    if (user.uid !== undefined && user.gid !== undefined) chownSync(this.#data, user.uid, user.gid);
    const options = ["--skip-test-db", "--auth-root-authentication-method=normal", "--innodb-log-file-size=16M"];
    await run("mariadb-install-db", ["--no-defaults", `--datadir=${this.#data}`, ...options], { cwd: this.folder, ...user });
    const grant = (host: string): string =>
      `CREATE USER IF NOT EXISTS '${this.username}'@'${host}' IDENTIFIED BY '${this.password}';\n` +
      `GRANT ALL ON *.* TO '${this.username}'@'${host}' WITH GRANT OPTION;\n`;
    const statements = `CREATE DATABASE IF NOT EXISTS ${this.database} CHARACTER SET utf8mb4;\n${grant("127.0.0.1")}${grant("localhost")}`;
    writeFileSync(this.#initFile, statements, { mode: 0o644 });
  }

  protected async launch(): Promise<void> {
    const options = [
      `--datadir=${this.#data}`,
      `--port=${this.port}`,
      "--bind-address=127.0.0.1",
      `--socket=${path.join(this.#data, "socket")}`,
      `--pid-file=${path.join(this.#data, "pid")}`,
      `--init-file=${this.#initFile}`,
      "--skip-name-resolve",
      "--innodb-buffer-pool-size=64M",
      "--innodb-log-file-size=16M",
      "--innodb-flush-log-at-trx-commit=2", // with this, data is lost only in a power cut and not when the server is killed
    ];
    this.spawn(existsSync("/usr/sbin/mariadbd") ? "/usr/sbin/mariadbd" : "mariadbd", ["--no-defaults", ...options], serverUser("mysql"));
    await this.untilItAnswers(() => this.query("select 1"));
  }

  protected requestStop(): void {
    this.signalAll("SIGTERM");
  }

  protected crash(): void {
    this.signalAll("SIGKILL");
  }

  get #data(): string {
    return path.join(this.folder, "data");
  }

  get #initFile(): string {
    return path.join(this.folder, "init.sql");
  }
}

/** Returns the rows in the client's `--xml` output, which is the only output that distinguishes NULL from "NULL". */
function rowsOf(xml: string): Record<string, string | null>[] {
  return [...xml.matchAll(/<row>([\s\S]*?)<\/row>/g)].map(([, row = ""]) => {
    const fields = row.matchAll(/<field name="([^"]*)"(?: xsi:nil="true")?(?: \/>|>([\s\S]*?)<\/field>)/g);
    return Object.fromEntries([...fields].map(([, name = "", value]) => [unescaped(name), value === undefined ? null : unescaped(value)]));
  });
}

function unescaped(text: string): string {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&amp;/g, "&");
}
