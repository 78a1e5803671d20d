import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { connect } from "amqplib";
import { binary, evaluate } from "./erlang";
import { bootScript, makeBootScript } from "./rabbit-boot";
import { Service, type ServiceOptions } from "./service";
import { freePorts, isListening, pause, waitFor } from "./wait";

/** The folder of the programs. Not /usr/sbin, because the wrappers there change to the user rabbitmq. */
const BIN = "/usr/lib/rabbitmq/bin";

const ERLANG_ARGUMENTS = [
  "-kernel inet_dist_use_interface {127,0,0,1}",
  // No busy waiting, which would take time from the tests on two cores.
  "+sbwt none +sbwtdcpu none +sbwtdio none",
].join(" ");
/** Number of ports: for AMQP, distribution and port mapper, and the others for rabbitmqctl, which often runs several times at once. */
const PORTS = 8;

const run = promisify(execFile);

/** A queue with the broker's counts. */
export interface QueueInfo {
  name: string;
  /** "quorum", "classic" or "stream" */
  type: string;
  /** ready + unacknowledged */
  messages: number;
  ready: number;
  unacknowledged: number;
  consumers: number;
}

/** An AMQP connection, as the broker sees it. */
export interface ConnectionInfo {
  name: string;
  user: string;
  /** The `connection_name` that the client has given; "" if none */
  clientName: string;
  channels: number;
  /** The broker's port. */
  port: number;
}

/** Patterns of the names that a user may configure, write and read. */
export type Permissions = readonly [configure: string, write: string, read: string];

/** The options of a {@link RabbitMq}. */
export interface RabbitMqOptions extends ServiceOptions {
  /** Lines of `rabbitmq.conf`, in addition to those that all tests need. */
  settings?: string[];
  /** Plugins of the package to enable, e.g. "rabbitmq_auth_mechanism_ssl". */
  plugins?: string[];
  /** For a member of a cluster: the cookie and the port of Erlang's port mapper, which all members share. The caller runs the port mapper. */
  membership?: { cookie: string; epmdPort: number };
}

/** A RabbitMQ node from Debian's package `rabbitmq-server`. User and password are `guest`, the vhost is `/`. */
export class RabbitMq extends Service {
  readonly username = "guest";
  readonly password = "guest";
  readonly #options: RabbitMqOptions;

  constructor(options: RabbitMqOptions = {}) {
    super("rabbitmq", options);
    this.#options = options;
  }

  /** Returns Erlang's name of the node that listens on `port`. */
  static nodeName(port: number): string {
    return `surewire-${port}@localhost`;
  }

  /** `amqp://127.0.0.1:<port>`, without credentials, as in `urls` of the broker node. */
  get url(): string {
    return `amqp://127.0.0.1:${this.port}`;
  }

  /** Runs `rabbitmqctl`, which takes about a second. @returns its output. @throws Error with its error text */
  async ctl(...args: string[]): Promise<string> {
    const { stdout } = await run(path.join(BIN, "rabbitmqctl"), ["-n", RabbitMq.nodeName(this.port), "-q", ...args], { env: this.#environment });
    return stdout;
  }

  /** Evaluates an Erlang expression in the broker. See {@link evaluate}. */
  evaluate<T = unknown>(expression: string): Promise<T> {
    return evaluate<T>(RabbitMq.nodeName(this.port), expression, this.#environment);
  }

  /**
   * Returns the queues of the vhost `/` with the broker's counts, which are NaN for a quorum queue without a leader.
   * @param prefix - the prefix of their names. In a cluster that has lost a node, each additional queue may take five seconds
   */
  async listQueues(prefix = ""): Promise<QueueInfo[]> {
    const rows = await this.evaluate<{ name: string; type: string; counts: unknown[] }[]>(queuesOf(prefix));
    return rows.map(({ name, type, counts }) => {
      const [ready = 0, unacknowledged = 0, consumers = 0] = counts.map(count);
      return { name, type: type.replace(/^rabbit_|_queue$/g, ""), messages: ready + unacknowledged, ready, unacknowledged, consumers };
    });
  }

  /** Deletes all queues of the vhost `/` with their messages. */
  async deleteQueues(): Promise<void> {
    await this.evaluate(`length([catch rabbit_amqqueue:delete(Queue, false, false, <<"test">>) || Queue <- rabbit_amqqueue:list(<<"/">>)])`);
  }

  /**
   * Stores the names of all queues on the disk. To be awaited between the declaration of the last queue and a kill: RabbitMQ 3.10 stores the names of its quorum queues half
   * a second after the last declaration, and if it is killed before that, it forgets the queue with all messages that it has confirmed.
   */
  async writeDown(): Promise<void> {
    await this.evaluate("[dets:sync(Table) || Table <- dets:all()]");
  }

  /** Returns all connections of clients. */
  listConnections(): Promise<ConnectionInfo[]> {
    return this.evaluate<ConnectionInfo[]>(CONNECTIONS);
  }

  /** Returns the arguments with which a queue was declared. */
  async argumentsOf(queue: string): Promise<Record<string, unknown>> {
    return this.evaluate(`begin
      {ok, Queue} = rabbit_amqqueue:lookup({resource, <<"/">>, queue, ${binary(queue)}}),
      maps:from_list([{Name, Value} || {Name, _, Value} <- amqqueue:get_arguments(Queue)])
    end`);
  }

  /** Closes all connections of clients, as an operator might do. */
  async closeConnections(): Promise<void> {
    await this.evaluate(`[rabbit_networking:close_connection(Pid, "a test") || Pid <- rabbit_networking:connections()]`);
  }

  /** Adds a vhost in which guest may do everything. */
  async addVhost(name: string): Promise<void> {
    await this.evaluate(`rabbit_vhost:add(${binary(name)}, <<"test">>)`);
    await this.permit(this.username, [".*", ".*", ".*"], name);
  }

  /** Adds a user. @param permissions Default: everything. */
  async addUser(name: string, password: string, permissions: Permissions = [".*", ".*", ".*"]): Promise<void> {
    await this.evaluate(`rabbit_auth_backend_internal:add_user(${binary(name)}, ${binary(password)}, <<"test">>)`);
    await this.permit(name, permissions);
  }

  /** Sets the permissions of a user. */
  async permit(name: string, permissions: Permissions, vhost = "/"): Promise<void> {
    const patterns = permissions.map(binary).join(", ");
    await this.evaluate(`rabbit_auth_backend_internal:set_permissions(${binary(name)}, ${binary(vhost)}, ${patterns}, <<"test">>)`);
  }

  /** Makes the broker block all publishers, as when its memory runs low, or ends this. */
  async block(blocked: boolean): Promise<void> {
    await this.evaluate(`vm_memory_monitor:set_vm_memory_high_watermark(${blocked ? "0.00001" : "0.4"})`);
  }

  /** Resolves when the broker accepts an AMQP connection. @param timeout - in ms. Default 60,000 */
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
      // The one that Erlang would start is a daemon that keeps running after the broker has ended.
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

  /** Stops the node and then the port mapper, because a node that stops waits for the port mapper if it cannot reach it. */
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
        // it has ended
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
      HOME: this.folder, // the folder of Erlang's cookie
      RABBITMQ_CONF_ENV_FILE: path.join(this.folder, "env.conf"), // instead of the machine's own file in /etc/rabbitmq
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
 * Returns an expression for the queues and their counts. Quorum queues are asked themselves, because the broker's statistics are old by up to a tick, and are missing right
 * after a start. The query waits for a confirmed leader. A queue without a leader has no counts, and a queue that the broker is still recovering after its start may report
 * too few messages.
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

/** Returns a count. An unknown count becomes NaN, so that it is not equal to anything that a test waits for. */
const count = (value: unknown): number => (typeof value === "number" ? value : value === null ? Number.NaN : 0);

const CONNECTIONS = `
  [maps:from_list([case Entry of
      {client_properties, Table} when is_list(Table) -> {clientName, case lists:keyfind(<<"connection_name">>, 1, Table) of {_, _, Name} -> Name; false -> <<>> end};
      {client_properties, none} -> {clientName, <<>>}; % it has just come
      _ -> Entry
    end || Entry <- Info])
  || Info <- rabbit_networking:connection_info_all([name, user, channels, port, client_properties])]`;
