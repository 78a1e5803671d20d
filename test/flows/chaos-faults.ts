import type { LinkFault } from "../services/faulty-link";
import type { FlowNode, NodeRed } from "../services/node-red";
import { signal } from "../services/process-record";
import { pause } from "../services/wait";
import { refusalsOf } from "./chaos-refusals";
import type { ChaosWorld } from "./chaos-world";

/** Something that happens, is over when its promise is, and has left nothing broken by then. */
export interface Fault {
  name: string;
  /** What it strikes: one fault at a time. */
  at: string;
  strike: (random: () => number) => Promise<unknown>;
}

const LINK_FAULTS: LinkFault[] = ["refuse", "mute", "half-open", "slow", "cut"];

/** Waits for some time between two, in s. */
const between = (random: () => number, from: number, to: number): Promise<void> => pause(1_000 * (from + random() * (to - from)));

/** Everything that is done to an installation. */
export function faultsOf(world: ChaosWorld): Fault[] {
  const { mariaDb, org, postgres, rabbit } = world;
  const control = org.control;
  const faults: Fault[] = [];
  const add = (at: string, what: string, strike: Fault["strike"]): void => void faults.push({ name: `${at}: ${what}`, at, strike });

  for (const [name, server] of Object.entries({ broker: rabbit, database: postgres, "other database": mariaDb })) {
    add(name, "killed", async (random) => {
      await server.kill();
      await between(random, 0, 5);
      await server.start();
    });
    add(name, "restarted", () => server.restart());
    add(name, "frozen", async (random) => {
      server.freeze();
      await between(random, 3, 25);
      server.thaw();
    });
  }
  add("broker", "connections closed", () => rabbit.closeConnections());
  add("broker", "an exchange deleted, and connections closed", async () => (await rabbit.evaluate(`rabbit_exchange:delete({resource, <<"/">>, exchange, <<"chaos">>}, false, <<"test">>)`), await rabbit.closeConnections()));
  add("broker", "short of memory", async (random) => {
    await rabbit.block(true);
    await between(random, 2, 8);
    await rabbit.block(false);
  });
  add("database", "connections ended", () => postgres.query("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"));
  add("database", "table locked", () => postgres.query("begin; lock table kept, once, polled, surewire_store in access exclusive mode; select pg_sleep(6); commit").catch(() => undefined));

  for (const [name, link] of Object.entries(world.links)) {
    for (const fault of LINK_FAULTS) {
      add(`link to ${name}`, fault, async (random) => {
        await link.break(fault);
        await between(random, 2, 20);
        await link.mend();
      });
    }
  }

  const until = (begin: () => unknown) => async (random: () => number) => {
    begin();
    await between(random, 2, 10);
    control.clearFaults();
  };
  add("org", "unavailable", until(() => (control.unavailable({ oauth: true }), control.streamFault({ kind: "busy" }), control.pubsubFault({ code: "service.unavailable", open: true, count: 1_000 }))));
  add("org", "an error of its own", until(() => control.failNext({ count: 5, status: 500 })));
  add("org", "a page of its edge", until(() => control.failNext({ count: 5, status: 503, html: "<html><body>Down for maintenance</body></html>" })));
  add("org", "over the limit", until(() => control.requestLimit({ kind: "concurrent" })));
  add("org", "over the limit of the day", until(() => control.requestLimit({ kind: "total" })));
  add("org", "late", until(() => control.slow({ ms: 1_500 })));
  for (const when of ["before", "during", "after"] as const) add("org", `connections reset ${when} the answer`, until(() => control.resetConnections({ count: 6, when })));
  add("org", "rows locked", async () => control.addRule({ object: "Case", condition: "Subject LIKE 's%'", errorCode: "UNABLE_TO_LOCK_ROW", message: "unable to obtain exclusive access to this record", times: 12 }));
  add("org", "events of the hour used up", async (random) => {
    control.setLimit({ name: "HourlyPublishedPlatformEvents", used: 10_000_000 });
    await between(random, 2, 10);
    control.setLimit({ name: "HourlyPublishedPlatformEvents", used: 0 });
  });
  for (const kind of ["protect", "concurrentLimit", "dailyLimit", "unauthorized", "disconnect", "unknownClient"] as const) add("org", `streams refused: ${kind}`, until(() => control.streamFault({ kind, count: 3 })));
  add("org", "bulk jobs fail", async () => control.bulkFault({ kind: "fail", count: 2 }));
  add("org", "bulk jobs hang", async (random) => {
    control.bulkFault({ kind: "hang", count: 2 });
    await between(random, 2, 20);
    control.releaseJobs();
  });
  add("org", "events twice", async () => control.duplicateEvents({ count: 5 }));
  add("org", "replay ids left out", async () => control.skipReplayIds({ count: 50 }));
  add("org", "sessions expired", async () => control.expireTokens());
  add("org", "streams dropped", async () => (control.dropStreams(), control.killStreams()));
  add("org", "streams silent", async () => (control.silence(), control.holdConnects({ ms: 8_000 })));

  world.nodeReds.forEach((nodeRed, index) => {
    nodeRedFaults(world, nodeRed, (what, strike) => add(`Node-RED ${index}`, what, strike));
    const at = `databases of Node-RED ${index}`;
    add(at, "one killed", async () => world.databaseProcesses(nodeRed).slice(0, 1).forEach((record) => signal(record, "SIGKILL")));
    add(at, "all killed", async () => world.databaseProcesses(nodeRed).forEach((record) => signal(record, "SIGKILL")));
    add(at, "frozen", async (random) => {
      const frozen = world.databaseProcesses(nodeRed);
      for (const record of frozen) signal(record, "SIGSTOP");
      await between(random, 3, 25);
      for (const record of frozen) signal(record, "SIGCONT");
    });
    add(`disk of Node-RED ${index}`, "full", async (random) => {
      await world.fillDisk(nodeRed, true);
      await between(random, 2, 20);
      await world.fillDisk(nodeRed, false);
    });
  });
  return [...faults, ...refusalsOf(world)];
}

/** What the forms of the nodes say, and what else they may say. */
const SETTINGS: Record<string, unknown[]> = {
  prefetch: [1, 3, 50], batchSize: [1, 2, 50], linger: [0, 300], poolSize: [1, 2, 8], queryTimeout: [3_000], retryDelay: [500, 3_000], maxInFlight: [1, 20], heartbeat: [3, 15], timeout: [5],
};

function nodeRedFaults(world: ChaosWorld, nodeRed: NodeRed, add: (what: string, strike: Fault["strike"]) => void): void {
  const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)] as T;
  let version = 0;
  const changed = (random: () => number, share: number): FlowNode[] => world.flow.map((node) => (node.id !== "tab" && random() < share ? { ...node, name: `version ${(version += 1)}` } : node));
  add("killed", async (random) => {
    await nodeRed.kill();
    await between(random, 0, 4);
    await nodeRed.start();
  });
  add("restarted", () => nodeRed.restart());
  add("flows restarted", () => nodeRed.deploy(world.flow, "reload"));
  add("killed, and its user directory restored from a backup", async (random) => {
    await nodeRed.kill();
    world.restore(nodeRed);
    await between(random, 0, 4);
    await nodeRed.start();
  });
  add("restarted in another time zone", async (random) => {
    world.setTimeZone(nodeRed, pick(["America/St_Johns", "Pacific/Kiritimati", "UTC"], random));
    await nodeRed.restart();
  });
  add("deployed thrice in quick succession", (random) => Promise.all((["nodes", "full", "flows"] as const).map((type) => nodeRed.deploy(changed(random, 0.1), type))));
  for (const type of ["full", "nodes"] as const) {
    add(`the tab imported as a copy, and the copy removed: ${type}`, async (random) => {
      await nodeRed.deploy([...world.flow, ...copyOf(world.flow)], type);
      await between(random, 1, 10);
      await nodeRed.deploy(world.flow, type);
    });
  }
  add("frozen", async (random) => {
    nodeRed.freeze();
    await between(random, 3, 25);
    nodeRed.thaw();
  });
  for (const type of ["full", "flows", "nodes"] as const) add(`deployed: ${type}`, (random) => nodeRed.deploy(changed(random, 0.1), type));
  const set = (node: FlowNode, random: () => number): FlowNode =>
    Object.fromEntries(Object.entries(node).map(([name, value]) => [name, node.type.startsWith("surewire-") && SETTINGS[name] && random() < 0.5 ? pick(SETTINGS[name], random) : value])) as FlowNode;
  for (const type of ["flows", "nodes"] as const) {
    add(`settings changed: ${type}`, (random) => nodeRed.deploy(world.flow.map((node) => (random() < 0.3 ? set(node, random) : node)), type));
  }
  add("an address or password mistaken, and mended", async (random) => {
    const address = pick(["urls", "connectionString", "loginUrl", "pubsubEndpoint", "credentials"], random);
    const wrong = (value: unknown): unknown => (address === "credentials" ? { ...(value as object), password: "wrong", clientSecret: "wrong" } : JSON.parse(JSON.stringify(value).replace(/(127.0.0.1:|Port=)\d+/, "$19")));
    await nodeRed.deploy(world.flow.map((node) => (node[address] === undefined ? node : { ...node, [address]: wrong(node[address]) })), "nodes");
    await between(random, 1, 10);
    await nodeRed.deploy(world.flow, "nodes");
  });
  add("its clock set", async (random) => {
    world.setClock(nodeRed, pick([-86_400_000, -3_600_000, -30_000, 30_000, 3_600_000, 86_400_000], random));
    await between(random, 2, 20);
    world.setClock(nodeRed, 0);
  });
  for (const type of ["flows", "nodes"] as const) {
    add(`sources and what is behind them removed and put back: ${type}`, async (random) => {
      const left = withoutSome(world.flow, random);
      await nodeRed.deploy(world.flow.filter((node) => left.has(node)), type);
      await between(random, 0, 6);
      await nodeRed.deploy(world.flow, type);
    });
    add(`sources and what is behind them disabled and enabled: ${type}`, async (random) => {
      const left = withoutSome(world.flow, random);
      await nodeRed.deploy(world.flow.map((node) => (left.has(node) ? node : { ...node, d: true })), type);
      await between(random, 0, 6);
      await nodeRed.deploy(world.flow, type);
    });
  }
  add("the tab disabled and enabled", async (random) => {
    await nodeRed.deploy(world.flow.map((node) => (node.type === "tab" ? { ...node, disabled: true } : node)), "flows");
    await between(random, 0, 6);
    await nodeRed.deploy(world.flow, "flows");
  });
  add("a config node removed and put back", async (random) => {
    const config = world.flow.filter(({ z, type }) => z === undefined && type !== "tab" && type !== "subflow");
    const removed = pick(config, random);
    // as the editor does: by a config node that only comes back, Node-RED starts none of those that choose it
    const unchosen = (node: FlowNode): FlowNode => Object.fromEntries(Object.entries(node).map(([name, value]) => [name, value === removed.id ? "" : value])) as FlowNode;
    await nodeRed.deploy(world.flow.filter((node) => node !== removed).map(unchosen), "nodes");
    await between(random, 0, 6);
    await nodeRed.deploy(world.flow, "nodes");
  });
}

/** The flow but for some of its sources and what only they lead to: with a node away that is in the middle, the flow would end before it, and messages with it. */
function withoutSome(flow: FlowNode[], random: () => number): Set<FlowNode> {
  const next = (node: FlowNode): string[] => ((node.wires ?? []) as string[][]).flat();
  const reached = new Set(flow.flatMap(next));
  const left = new Set(flow.filter(({ id, type }) => !reached.has(id) && (random() > 0.2 || type === "status" || type === "catch")));
  const byId = new Map(flow.map((node) => [node.id, node]));
  for (const node of left) for (const id of next(node)) left.add(byId.get(id) as FlowNode);
  for (const node of flow) if (node.z !== "tab") left.add(node);
  return left;
}

/** The tab once more, as an import of it makes one: nodes of other ids with the same settings, on the same config nodes. But of what dedupes: a copy knows none of the ids of its original. */
function copyOf(flow: FlowNode[]): FlowNode[] {
  const apart = new Set(flow.flatMap(({ id, dedupe }) => (dedupe === true ? id : [])));
  const leads = (node: FlowNode): boolean => ((node.wires ?? []) as string[][]).flat().some((next) => apart.has(next));
  const copied = new Map(flow.flatMap((node) => (node.type === "tab" || (node.z === "tab" && !apart.has(node.id) && !leads(node)) ? [[node.id, `copy-${node.id}`] as const] : [])));
  const renamed = (value: unknown): unknown => (Array.isArray(value) ? value.map(renamed) : (copied.get(value as string) ?? value));
  return flow.filter(({ id }) => copied.has(id)).map((node) => ({ ...node, id: `copy-${node.id}`, ...Object.fromEntries(["z", "wires", "scope"].flatMap((name) => (node[name] === undefined ? [] : [[name, renamed(node[name])]]))) }));
}
