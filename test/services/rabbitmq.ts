import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { connect } from "amqplib";
import { Service, type ServiceOptions } from "./service";
import { freePorts, isListening, pause, waitFor } from "./wait";

/** Not /usr/sbin: the wrapper there changes to the user rabbitmq. */
const BIN = "/usr/lib/rabbitmq/bin";

const ERLANG_ARGUMENTS = [
  "-kernel inet_dist_use_interface {127,0,0,1}",
  // No busy waiting: on two cores it takes the time that the tests need.
  "+sbwt none +sbwtdcpu none +sbwtdio none",
  // Quorum queues publish their counts at each tick, by default every 5 s: list_queues would tell old numbers.
  "-rabbit quorum_tick_interval 200",
].join(" ");
/** AMQP, distribution, port mapper, and the rest for rabbitmqctl, which is often run several times at once. */
const PORTS = 8;

const run = promisify(execFile);

/** One queue as the broker counts it. */
export interface QueueInfo {
  name: string;
  /** "rabbit_quorum_queue" | "rabbit_classic_queue" | "rabbit_stream_queue" without the affixes */
  type: string;
  /** ready + unacknowledged */
  messages: number;
  ready: number;
  unacknowledged: number;
  consumers: number;
}

/** One AMQP connection as the broker sees it. */
export interface ConnectionInfo {
  name: string;
  user: string;
  /** `connection_name` that the client gave, or "" */
  clientName: string;
  channels: number;
}

/** What a broker may be told beside what every service takes. */
export interface RabbitMqOptions extends ServiceOptions {
  /** Lines of `rabbitmq.conf` beside those the tests need. */
  settings?: string[];
  /** Plugins of the package to enable, e.g. "rabbitmq_auth_mechanism_ssl". */
  plugins?: string[];
  /** What makes this broker one of a cluster: all members share a cookie and Erlang's port mapper, which somebody else runs. */
  membership?: { cookie: string; epmdPort: number };
}

/** A RabbitMQ node of Debian's package `rabbitmq-server`, user guest / guest, vhost `/`. */
export class RabbitMq extends Service {
  readonly username = "guest";
  readonly password = "guest";
  readonly #options: RabbitMqOptions;

  constructor(options: RabbitMqOptions = {}) {
    super("rabbitmq", options);
    this.#options = options;
  }

  /** Erlang's name of the node that listens on `port`. */
  static nodeName(port: number): string {
    return `surewire-${port}@localhost`;
  }

  /** `amqp://127.0.0.1:<port>`, without credentials, as the broker node's `urls` wants it. */
  get url(): string {
    return `amqp://127.0.0.1:${this.port}`;
  }

  /** Runs `rabbitmqctl` (about a second a call) and gives its output. @throws with its error text */
  async ctl(...args: string[]): Promise<string> {
    const { stdout } = await run(path.join(BIN, "rabbitmqctl"), ["-n", RabbitMq.nodeName(this.port), "-q", ...args], { env: this.#environment });
    return stdout;
  }

  /** All queues of a vhost as the broker counts them; quorum queues' numbers are up to 0.2 s old. @param vhost - default "/" */
  async listQueues(vhost = "/"): Promise<QueueInfo[]> {
    const columns = ["name", "type", "messages", "messages_ready", "messages_unacknowledged", "consumers"];
    const rows = JSON.parse(await this.ctl("list_queues", "-p", vhost, "--formatter", "json", ...columns)) as Record<string, unknown>[];
    return rows.map((row) => ({
      name: String(row.name),
      type: String(row.type).replace(/^rabbit_|_queue$/g, ""),
      messages: Number(row.messages) || 0,
      ready: Number(row.messages_ready) || 0,
      unacknowledged: Number(row.messages_unacknowledged) || 0,
      consumers: Number(row.consumers) || 0,
    }));
  }

  /** All connections of clients. */
  async listConnections(): Promise<ConnectionInfo[]> {
    const rows = JSON.parse(
      await this.ctl("list_connections", "--formatter", "json", "name", "user", "channels", "client_properties"),
    ) as Record<string, unknown>[];
    return rows.map((row) => ({
      name: String(row.name),
      user: String(row.user),
      clientName: clientName(row.client_properties),
      channels: Number(row.channels) || 0,
    }));
  }

  /** Resolves when the broker takes an AMQP connection. @param timeout - ms, default 60,000 */
  async waitUp(timeout = 60_000): Promise<void> {
    await waitFor(
      `RabbitMQ on port ${this.port}`,
      async () => {
        if (!(await isListening(this.port))) return false;
        const connection = await connect(this.url, { timeout: 5_000 });
        await connection.close();
        return true;
      },
      { timeout },
    );
  }

  protected choosePort(): Promise<number> {
    return freePorts(PORTS);
  }

  protected prepare(): Promise<void> {
    for (const folder of ["data", "log"]) mkdirSync(path.join(this.folder, folder), { recursive: true });
    writeFileSync(path.join(this.folder, "env.conf"), "");
    writeFileSync(path.join(this.folder, "enabled_plugins"), `[${(this.#options.plugins ?? []).join(",")}].\n`);
    const { settings = [], membership } = this.#options;
    const own = [`listeners.tcp.1 = 127.0.0.1:${this.port}`, "log.console = false", "log.file.level = info", "disk_free_limit.absolute = 50MB"];
    writeFileSync(path.join(this.folder, "rabbitmq.conf"), `${[...own, ...settings].join("\n")}\n`);
    const cookie = path.join(this.folder, ".erlang.cookie");
    if (membership && !existsSync(cookie)) writeFileSync(cookie, membership.cookie, { mode: 0o400 });
    rmSync(this.#pidFile, { force: true });
    return Promise.resolve();
  }

  protected async launch(): Promise<void> {
    if (!existsSync(path.join(BIN, "rabbitmq-server"))) throw new Error("RabbitMQ is not installed: apt-get install rabbitmq-server");
    if (!this.#options.membership) {
      // Started by us, since the one that Erlang starts by itself is a daemon that stays behind.
      this.spawn("epmd", ["-address", "127.0.0.1", "-port", String(this.#epmdPort)], { env: this.#environment });
      await waitFor("Erlang's port mapper", () => isListening(this.#epmdPort), { timeout: 10_000, interval: 10 });
    }
    this.spawn(path.join(BIN, "rabbitmq-server"), [], { env: this.#environment });
    await waitFor("RabbitMQ's pid file", () => this.#serverPid !== undefined, { timeout: 30_000 });
    this.remember(this.#serverPid as number);
    await this.waitUp();
  }

  protected requestStop(): void {
    void this.#stopInOrder();
  }

  protected crash(): void {
    this.signalAll("SIGKILL");
  }

  /** The port mapper goes last: a node that cannot reach it while it stops waits for it. */
  async #stopInOrder(): Promise<void> {
    const pid = this.#serverPid;
    if (pid !== undefined) {
      try {
        process.kill(pid, "SIGTERM");
        for (;;) {
          process.kill(pid, 0);
          await pause(20);
        }
      } catch {
        // gone
      }
    }
    this.signalAll("SIGTERM");
  }

  get #epmdPort(): number {
    return this.#options.membership?.epmdPort ?? this.port + 2;
  }

  get #pidFile(): string {
    return path.join(this.folder, "rabbitmq.pid");
  }

  get #serverPid(): number | undefined {
    try {
      return Number(readFileSync(this.#pidFile, "utf8").trim()) || undefined;
    } catch {
      return undefined;
    }
  }

  get #environment(): NodeJS.ProcessEnv {
    return {
      PATH: `${process.env.PATH ?? ""}:/usr/lib/erlang/bin:/usr/sbin`,
      LANG: "C.UTF-8",
      HOME: this.folder, // Erlang's cookie lives here
      RABBITMQ_CONF_ENV_FILE: path.join(this.folder, "env.conf"), // not the machine's own in /etc/rabbitmq
      RABBITMQ_CONFIG_FILE: path.join(this.folder, "rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(this.folder, "enabled_plugins"),
      RABBITMQ_NODENAME: RabbitMq.nodeName(this.port),
      RABBITMQ_MNESIA_BASE: path.join(this.folder, "data"),
      RABBITMQ_LOG_BASE: path.join(this.folder, "log"),
      RABBITMQ_PID_FILE: this.#pidFile,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(this.port),
      RABBITMQ_DIST_PORT: String(this.port + 1),
      ERL_EPMD_PORT: String(this.#epmdPort),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: ERLANG_ARGUMENTS,
      RABBITMQ_CTL_DIST_PORT_MIN: String(this.port + 3),
      RABBITMQ_CTL_DIST_PORT_MAX: String(this.port + PORTS - 1),
    };
  }
}

/** The client's own name out of the table of client properties, which rabbitmqctl prints as triples or as an object. */
function clientName(properties: unknown): string {
  if (Array.isArray(properties)) {
    const triple = properties.find((entry) => Array.isArray(entry) && entry[0] === "connection_name") as unknown[] | undefined;
    return triple === undefined ? "" : String(triple[2]);
  }
  const name = (properties as { connection_name?: unknown } | null)?.connection_name;
  return typeof name === "string" ? name : "";
}
