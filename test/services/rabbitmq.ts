import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { connect } from "amqplib";
import { binary, evaluate } from "./erlang";
import { bootScript, makeBootScript } from "./rabbit-boot";
import { Service, type ServiceOptions } from "./service";
import { freePorts, isListening, pause, waitFor } from "./wait";

/** Not /usr/sbin: the wrapper there changes to the user rabbitmq. */
const BIN = "/usr/lib/rabbitmq/bin";

const ERLANG_ARGUMENTS = [
  "-kernel inet_dist_use_interface {127,0,0,1}",
  // No busy waiting: on two cores it takes the time that the tests need.
  "+sbwt none +sbwtdcpu none +sbwtdio none",
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
  /** The broker's own. */
  port: number;
}

/** What a user may configure, write and read, as patterns of names. */
export type Permissions = readonly [configure: string, write: string, read: string];

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

  /** Evaluates Erlang in the broker; see {@link evaluate}. */
  evaluate<T = unknown>(expression: string): Promise<T> {
    return evaluate<T>(RabbitMq.nodeName(this.port), expression, this.#environment);
  }

  /**
   * The queues of the vhost `/` as the broker counts them; NaN for a quorum queue that has no leader.
   * @param prefix - what their names begin with. In a cluster that has lost a node, each queue too many may cost five seconds
   */
  async listQueues(prefix = ""): Promise<QueueInfo[]> {
    const rows = await this.evaluate<{ name: string; type: string; counts: unknown[] }[]>(queuesOf(prefix));
    return rows.map(({ name, type, counts }) => {
      const [ready = 0, unacknowledged = 0, consumers = 0] = counts.map(count);
      return { name, type: type.replace(/^rabbit_|_queue$/g, ""), messages: ready + unacknowledged, ready, unacknowledged, consumers };
    });
  }

  /** Deletes all queues of the vhost `/`, with what is in them. */
  async deleteQueues(): Promise<void> {
    await this.evaluate(`length([catch rabbit_amqqueue:delete(Queue, false, false, <<"test">>) || Queue <- rabbit_amqqueue:list(<<"/">>)])`);
  }

  /**
   * To be awaited between the making of the last queue and a kill. RabbitMQ 3.10 writes the names of its quorum queues down half a second
   * after the last one was made; when it is killed before, it forgets the queue with all it has confirmed.
   */
  async writeDown(): Promise<void> {
    await this.evaluate("[dets:sync(Table) || Table <- dets:all()]");
  }

  /** All connections of clients. */
  listConnections(): Promise<ConnectionInfo[]> {
    return this.evaluate<ConnectionInfo[]>(CONNECTIONS);
  }

  /** The arguments that a queue was declared with. */
  async argumentsOf(queue: string): Promise<Record<string, unknown>> {
    return this.evaluate(`begin
      {ok, Queue} = rabbit_amqqueue:lookup({resource, <<"/">>, queue, ${binary(queue)}}),
      maps:from_list([{Name, Value} || {Name, _, Value} <- amqqueue:get_arguments(Queue)])
    end`);
  }

  /** Ends all connections of clients, as an operator may. */
  async closeConnections(): Promise<void> {
    await this.evaluate(`[rabbit_networking:close_connection(Pid, "a test") || Pid <- rabbit_networking:connections()]`);
  }

  /** Makes a vhost in which guest may do everything. */
  async addVhost(name: string): Promise<void> {
    await this.evaluate(`rabbit_vhost:add(${binary(name)}, <<"test">>)`);
    await this.permit(this.username, [".*", ".*", ".*"], name);
  }

  /** Makes a user who may do what the patterns allow: configure, write, read. Default: everything. */
  async addUser(name: string, password: string, permissions: Permissions = [".*", ".*", ".*"]): Promise<void> {
    await this.evaluate(`rabbit_auth_backend_internal:add_user(${binary(name)}, ${binary(password)}, <<"test">>)`);
    await this.permit(name, permissions);
  }

  /** Changes what a user may do. */
  async permit(name: string, permissions: Permissions, vhost = "/"): Promise<void> {
    const patterns = permissions.map(binary).join(", ");
    await this.evaluate(`rabbit_auth_backend_internal:set_permissions(${binary(name)}, ${binary(vhost)}, ${patterns}, <<"test">>)`);
  }

  /** Has the broker block all that publish, as it does when its memory runs low, or ends that. */
  async block(blocked: boolean): Promise<void> {
    await this.evaluate(`vm_memory_monitor:set_vm_memory_high_watermark(${blocked ? "0.00001" : "0.4"})`);
  }

  /** Resolves when the broker takes an AMQP connection. @param timeout - ms, default 60,000 */
  async waitUp(timeout = 60_000): Promise<void> {
    await waitFor(
      `RabbitMQ on port ${this.port}`,
      async () => {
        if (!(await isListening(this.port))) return false;
        const connection = await connect(this.url, { timeout: 10_000 });
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
    const boot = bootScript();
    writeFileSync(path.join(this.folder, "env.conf"), existsSync(`${boot}.boot`) ? `SASL_BOOT_FILE='${boot}'\n` : "");
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
      await waitFor("Erlang's port mapper", () => isListening(this.#epmdPort), { interval: 10 });
    }
    this.spawn(path.join(BIN, "rabbitmq-server"), [], { env: this.#environment });
    await waitFor("RabbitMQ's pid file", () => this.#serverPid !== undefined, { timeout: 30_000 });
    this.remember(this.#serverPid as number);
    await this.waitUp();
    await makeBootScript((expression) => this.evaluate(expression));
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

/**
 * A quorum queue is asked itself: what else is known of it is up to its tick old, and nothing right after a start. The query is one that
 * waits for a leader that is confirmed. One that has none cannot say; one that the broker is still reading after its start may tell too few.
 */
const queuesOf = (prefix: string): string => `begin
  Count = fun (State) -> [rabbit_fifo:query_messages_ready(State), rabbit_fifo:query_messages_checked_out(State), rabbit_fifo:query_consumer_count(State)] end,
  Counts = fun (Queue) -> case amqqueue:get_type(Queue) of
    rabbit_quorum_queue -> case catch ra:consistent_query(amqqueue:get_pid(Queue), Count) of {ok, Found, _} -> Found; _ -> [null, null, null] end;
    _ -> [Found || {_, Found} <- rabbit_amqqueue:info(Queue, [messages_ready, messages_unacknowledged, consumers])]
  end end,
  [#{name => Name, type => amqqueue:get_type(Queue), counts => Counts(Queue)}
    || Queue <- rabbit_amqqueue:list(<<"/">>), {resource, _, _, Name} <- [amqqueue:get_name(Queue)], string:prefix(Name, ${binary(prefix)}) =/= nomatch]
end`;

/** NaN where it is not known: equal to nothing that a test waits for. */
const count = (value: unknown): number => (typeof value === "number" ? value : value === null ? Number.NaN : 0);

const CONNECTIONS = `
  [maps:from_list([case Entry of
      {client_properties, Table} when is_list(Table) -> {clientName, case lists:keyfind(<<"connection_name">>, 1, Table) of {_, _, Name} -> Name; false -> <<>> end};
      {client_properties, none} -> {clientName, <<>>}; % it has just come
      _ -> Entry
    end || Entry <- Info])
  || Info <- rabbit_networking:connection_info_all([name, user, channels, port, client_properties])]`;
