import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { connect } from "amqplib";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import { type Emulator, startEmulator } from "../../emulator/src/index";
import { FaultyLink } from "../services/faulty-link";
import { type FlowNode, NodeRed } from "../services/node-red";
import { MariaDb } from "../services/mariadb";
import { Postgres } from "../services/postgres";
import { childrenOf, type ProcessRecord } from "../services/process-record";
import { RabbitMq } from "../services/rabbitmq";
import { pause, waitFor } from "../services/wait";
import { drainAll } from "./amqp-flow";
import { CASE_FIELDS, chaosFlow, EVENT, INPUTS, OUTPUTS, REFUSED, TABLES, WATCHED } from "./chaos-flow";
import { publish } from "./bridge";

const HEAP = path.join(__dirname, "../services/heap-on-signal.cjs");
const CLOCK = path.join(__dirname, "../services/clock-on-signal.cjs");
/** Who Node-RED is to the broker and the databases: these refuse it at times, and never us. */
const USER = { username: "flow", password: "flow" };

const LETTERS = REFUSED.map((queue) => `${queue}.dlq`);
/** A message in so many is one that is refused. */
const REFUSED_OF = 5;
/** No subject of a case is so long. */
const LONG = "x".repeat(300);

/** What an installation holds on to. */
export interface Holdings {
  connections: number;
  /** But of streams: the broker counts those whose channel was lost for minutes. */
  consumers: number;
  backends: number;
  /** Of each Node-RED. */
  handles: number[];
  children: number[];
  heap: number[];
}

const isRefused = (name: string): boolean => Number(/\d+$/.exec(name)?.[0] ?? 0) % REFUSED_OF === 0;
const refused = (name: string): string => `${name}-refused`;

/** Makes a folder a small disk of its own. @returns whether we may */
function isMounted(folder: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Two Node-RED with the same flows, and all that these speak with, each behind a network that can fail. */
export class ChaosWorld {
  readonly rabbit = new RabbitMq();
  readonly postgres = new Postgres();
  readonly mariaDb = new MariaDb();
  readonly nodeReds: NodeRed[] = [];
  readonly links: Record<"broker" | "database" | "other database" | "org" | "pubsub", FaultyLink>;
  flow: FlowNode[] = [];
  /** Of the org's queue whose cases are routed. */
  private watched = "";
  /** User directories that are small disks of their own, which can be filled. */
  private readonly disks = new Set<string>();
  /** What each Node-RED's environment is at its next start. */
  private readonly environments = new Map<string, NodeJS.ProcessEnv>();
  private readonly folder = mkdtempSync(path.join(tmpdir(), "surewire-chaos-"));
  /** All that has come out of the queues at the end, by queue. */
  private readonly arrived = new Map<string, Set<string>>([...OUTPUTS, ...LETTERS].map((queue) => [queue, new Set()]));

  private constructor(
    readonly org: Emulator,
    links: ChaosWorld["links"],
  ) {
    this.links = links;
  }

  static async start(): Promise<ChaosWorld> {
    const schema = [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" as const }] }, { name: "Case", fields: CASE_FIELDS }];
    const org = await startEmulator({ schema, pubsub: { keepAlive: 10_000 }, cometd: { timeout: 10_000 } });
    for (const name of ["HourlyPublishedPlatformEvents", "DailyDeliveredPlatformEvents"] as const) org.control.setLimit({ name, max: 10_000_000 });
    const targets = {
      broker: () => world.rabbit.port,
      database: () => world.postgres.port,
      "other database": () => world.mariaDb.port,
      org: () => Number(new URL(org.url).port),
      pubsub: () => Number(org.pubsubEndpoint?.split(":").at(-1)),
    };
    const links = Object.fromEntries(await Promise.all(Object.entries(targets).map(async ([name, port]) => [name, await FaultyLink.to(port)] as const))) as ChaosWorld["links"];
    const world = new ChaosWorld(org, links);
    await world.begin();
    return world;
  }

  async stop(): Promise<void> {
    for (const nodeRed of this.nodeReds) await nodeRed.stop();
    await Promise.all([this.rabbit.stop(), this.postgres.stop(), this.mariaDb.stop(), this.org.stop(), ...Object.values(this.links).map((link) => link.close())]);
    for (const disk of this.disks) execFileSync("umount", [disk]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Processes of the databases of a Node-RED. */
  databaseProcesses(nodeRed: NodeRed): ProcessRecord[] {
    return nodeRed.isRunning ? childrenOf(nodeRed.pid) : [];
  }

  /** Sends a message of each kind, until each is confirmed. */
  async send(name: string): Promise<void> {
    this.org.control.insert({ object: "Account", records: [{ Name: name }] });
    await this.insist(async () => this.org.control.insert({ object: EVENT, records: [{ Serial__c: name }] })); // the hour's events may be used up
    await this.insist(async () => this.org.control.insert({ object: "Case", records: [{ Subject: name, OwnerId: this.watched, Device_Event_Id__c: `${name}-routed` }] }));
    await this.insist(() => this.postgres.query("insert into stock (name) values ($1) on conflict do nothing", [name])); // before it is looked up
    await Promise.all([
      this.insist(() => this.publish(name)),
      this.insist(() => this.postgres.query("insert into polled (name) values ($1) on conflict do nothing", [name])),
      this.insist(() => this.mariaDb.query(`insert ignore into polled (name) values ('${name}')`)),
      this.insist(() => this.postgres.query("insert into claims (name) values ($1) on conflict do nothing", [name])),
    ]);
  }

  /** @returns what should be somewhere and is not, or is there more than once, or is left over */
  async missing(names: readonly string[]): Promise<string[]> {
    const wrong: string[] = [];
    const expect = (where: string, found: Iterable<string>, expected: readonly string[]): void => {
      const all = new Set(found);
      const lacks = expected.filter((one) => !all.has(one));
      if (lacks.length > 0) wrong.push(`${where} lacks ${lacks.length}: ${lacks.slice(0, 5).join(" ")}`);
    };
    const stored = (table: string, rows: { name?: unknown }[]): void => {
      const found = rows.map(({ name }) => String(name));
      expect(table, found, names);
      if (new Set(found).size !== found.length) wrong.push(`${table} has rows twice: ${found.filter((name, index) => found.indexOf(name) !== index).slice(0, 5).join(" ")}`);
    };
    for (const table of TABLES) stored(table, await this.postgres.query(`select name from ${table}`));
    stored("elsewhere", await this.mariaDb.query("select name from elsewhere"));
    const ofOrg = names.flatMap((name) => [name, `${name}-bulk`, `${name}-record`, `${name}-routed`]);
    const all = this.org.records("Case");
    const cases = all.map((one) => String(one.Device_Event_Id__c));
    expect("cases", cases, ofOrg);
    if (new Set(cases).size !== cases.length) wrong.push("cases twice");
    const requests = (await this.postgres.query("select request, case_id from interactions")) as { request: string; case_id: string }[];
    const routed = all.filter(({ OwnerId }) => OwnerId === this.watched).map((one) => {
      const own = requests.filter(({ case_id }) => case_id === one.Id).map(({ request }) => `I${request}`);
      return `${String(one.Device_Event_Id__c)} ${own.length === 1 && own[0] === one.Interaction__c ? "once" : `asks for ${own.join(" and ") || "none"} and has ${String(one.Interaction__c)}`}`;
    });
    const astray = routed.filter((one) => !one.endsWith(" once"));
    if (astray.length > 0) wrong.push(`${astray.length} cases: ${astray.slice(0, 3).join(", ")}`);
    const events = names.flatMap((name) => [name, `${name}-published`]);
    for (const queue of OUTPUTS) {
      const found = this.arrived.get(queue) as Set<string>;
      for (const payload of (await drainAll(this.rabbit, queue)) as ({ name?: string; Serial__c?: string; n?: number } | { name: string }[])[]) {
        if (Array.isArray(payload)) found.add(payload.map(({ name }) => name).join());
        else found.add(queue === "found" ? `${payload.name}/${payload.n}` : (payload.name ?? payload.Serial__c ?? ""));
      }
      const expected = queue === "found" ? names.flatMap((name) => [1, 2, 3].map((n) => `${name}/${n}`)) : queue === "joined" ? names.map((name) => `${name}.0,${name}.1,${name}.2`) : queue === "events" ? events : queue === "changes" ? ofOrg : names;
      expect(queue, found, expected);
    }
    for (const queue of LETTERS) {
      const found = this.arrived.get(queue) as Set<string>;
      for (const { name } of (await drainAll(this.rabbit, queue)) as { name: string }[]) found.add(name);
      expect(queue, found, names.filter(isRefused).map(refused));
      const others = [...found].filter((name) => !name.endsWith("refused"));
      if (others.length > 0) wrong.push(`${queue} held ${others.join(" ")}`);
    }
    expect("files", this.nodeReds.flatMap((nodeRed) => this.events(nodeRed)), events);
    for (const { name, messages, type } of await this.rabbit.listQueues()) {
      if (type !== "stream" && messages !== 0 && !this.arrived.has(name)) wrong.push(`${name} holds ${messages}`);
    }
    return wrong;
  }

  /** Nodes whose last status is not one of good work; that of a Settle node says what it did last. */
  troubled(): string[] {
    return this.nodeReds.flatMap((nodeRed, index) => {
      const last = new Map([...nodeRed.log.slice(nodeRed.log.lastIndexOf("Starting flows")).matchAll(/status of (\S+): (.*)/g)].map(([, id = "", status = ""]) => [id, status]));
      return [...last].filter(([id, status]) => !id.startsWith("copy-") && /^(red|yellow) (?!retry$)/.test(status)).map(([id, status]) => `${index} ${id}: ${status}`);
    });
  }

  /** Keeps what the nodes keep, for {@link restore}. */
  backUp(): void {
    for (const { userDir } of this.nodeReds) cpSync(path.join(userDir, "surewire"), this.backupOf(userDir), { recursive: true });
  }

  async holdings(): Promise<Holdings> {
    const heaps = this.nodeReds.map(async (nodeRed) => {
      const logged = (): string[] => nodeRed.log.match(/heap after collection: \d+/g) ?? [];
      const had = logged().length;
      process.kill(nodeRed.pid, "SIGWINCH");
      return Number((await waitFor("a collection", () => logged().slice(had).at(-1))).split(" ").at(-1)) / 2 ** 20;
    });
    return {
      heap: await Promise.all(heaps),
      consumers: (await this.rabbit.listQueues()).reduce((sum, { consumers, type }) => sum + (type === "stream" ? 0 : consumers), 0),
      connections: (await this.rabbit.listConnections()).length,
      backends: (await this.postgres.query("select 1 from pg_stat_activity where backend_type = 'client backend'")).length,
      handles: this.nodeReds.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length),
      children: this.nodeReds.map((nodeRed) => this.databaseProcesses(nodeRed).length),
    };
  }

  /** Fills the disk of a Node-RED, or makes room again. */
  async fillDisk({ userDir }: NodeRed, full: boolean): Promise<void> {
    if (!this.disks.has(userDir)) return;
    const file = path.join(userDir, "filler");
    if (!full) return rmSync(file, { force: true });
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=4k"], { stdio: "ignore" });
    } catch {
      // it is full
    }
  }

  /** Puts what the nodes of a stopped Node-RED keep back to where it was in the beginning. */
  restore({ userDir }: NodeRed): void {
    rmSync(path.join(userDir, "surewire"), { recursive: true, force: true });
    if (existsSync(this.backupOf(userDir))) cpSync(this.backupOf(userDir), path.join(userDir, "surewire"), { recursive: true });
  }

  /** From the next start on. */
  setTimeZone({ userDir }: NodeRed, zone: string): void {
    Object.assign(this.environments.get(userDir) ?? {}, { TZ: zone });
  }

  /** Sets the clock of a Node-RED by so many ms. */
  setClock({ userDir, pid }: NodeRed, ms: number): void {
    writeFileSync(path.join(userDir, "..", "clock"), String(ms));
    if (pid !== 0) process.kill(pid, "SIGURG"); // else it reads that as it starts
  }

  private async begin(): Promise<void> {
    await Promise.all([this.rabbit.start(), this.postgres.start(), this.mariaDb.start()]);
    for (const queue of [...INPUTS, ...OUTPUTS, "letters"]) await publish(this.rabbit, queue, [], queue === "stream" ? "stream" : "quorum");
    for (const table of TABLES) await this.postgres.query(`create table ${table} (name text${table === "once" ? "" : " primary key"} check (name not like '%refused'))`);
    await this.mariaDb.query("create table elsewhere (name varchar(200))");
    await this.mariaDb.query("create table polled (id int auto_increment primary key, name varchar(200) unique)");
    await this.postgres.query("create table parts (name text primary key)");
    await this.postgres.query("create table interactions (request text primary key, case_id text)");
    this.watched = this.org.control.addQueue({ name: WATCHED }).id;
    await this.postgres.query("create table stock (name text primary key)");
    await this.postgres.query("create table polled (id serial primary key, name text unique)");
    await this.postgres.query("create table claims (name text primary key, claimed timestamptz)");
    await this.permit();
    const { links, mariaDb, postgres } = this;
    this.flow = chaosFlow({
      broker: `amqp://127.0.0.1:${links.broker.port}`,
      database: postgres.connectionString.replace(`Port=${postgres.port}`, `Port=${links.database.port}`),
      other: mariaDb.connectionString.replace(`Port=${mariaDb.port}`, `Port=${links["other database"].port}`),
      org: `http://127.0.0.1:${links.org.port}`,
      pubsub: `http://127.0.0.1:${links.pubsub.port}`,
      brokerUser: USER,
      databaseUser: USER,
      orgClient: { clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET },
    });
    for (const name of ["first", "second"]) {
      const env = { NODE_OPTIONS: `--expose-gc --require ${HEAP} --require ${CLOCK}` };
      const nodeRed = new NodeRed({ folder: path.join(this.folder, name), env });
      const userDir = path.join(this.folder, name, "user");
      this.environments.set(userDir, env);
      mkdirSync(userDir, { recursive: true });
      if (isMounted(userDir)) this.disks.add(userDir);
      const file = new DatabaseSync(path.join(userDir, "events.sqlite"));
      file.exec("create table events (name text primary key); create table filed (name text primary key)");
      file.close();
      this.nodeReds.push(await nodeRed.start());
      await nodeRed.deploy(this.flow);
    }
  }

  /** Has Node-RED's user in all systems. */
  private async permit(): Promise<void> {
    await this.rabbit.addUser(USER.username, USER.password);
    await this.postgres.query("create role flow login password 'flow'; grant all on schema public to flow; grant all on all tables in schema public to flow; grant all on all sequences in schema public to flow");
    await this.mariaDb.query("create user flow@'127.0.0.1' identified by 'flow'; grant all on surewire.* to flow@'127.0.0.1'");
  }

  private backupOf(userDir: string): string {
    return path.join(userDir, "../backup");
  }

  private events({ userDir }: NodeRed): string[] {
    const file = new DatabaseSync(path.join(userDir, "events.sqlite"));
    try {
      return file.prepare("select name from events").all().map((row) => String(row.name));
    } finally {
      file.close();
    }
  }

  private async publish(name: string): Promise<void> {
    const connection = await connect(this.rabbit.url, { timeout: 5_000 });
    connection.on("error", () => undefined);
    try {
      const channel = await connection.createConfirmChannel();
      channel.on("error", () => undefined);
      for (const queue of INPUTS) {
        const own = queue === "bulk" ? `${name}-bulk` : name;
        const payload = queue === "lists" ? [0, 1, 2].map((part) => ({ name: `${name}.${part}` })) : { name: own, subject: own };
        channel.sendToQueue(queue, Buffer.from(JSON.stringify(payload)), { persistent: true, messageId: own });
      }
      if (isRefused(name)) {
        const payload = { name: refused(name), subject: LONG };
        for (const queue of REFUSED) channel.sendToQueue(queue, Buffer.from(JSON.stringify(payload)), { persistent: true, messageId: payload.name });
      }
      await channel.waitForConfirms();
    } finally {
      await Promise.race([connection.close(), pause(1_000)]).catch(() => undefined);
    }
  }

  /** Sends until it is done; a broker or database that is killed meanwhile may leave its client without an answer. */
  private async insist(send: () => Promise<unknown>): Promise<void> {
    const sent = (): Promise<boolean> => send().then(() => true, () => false);
    while (!(await Promise.race([sent(), pause(30_000)]))) await pause(500);
  }
}
