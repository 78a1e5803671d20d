import type { FlowNodeConfig } from "../services/runtime";

/** What these pieces need of Node-RED. */
export const FURTHER_SETTINGS = { contextStorage: { default: "memory", memory: { module: "memory" }, disk: { module: "localfilesystem", config: { cache: false } } } };

/** Adds nodes that lead to `next`. @returns the id of the first of them */
export type Piece = (next: string) => string;

/** What pieces are made with. */
export interface FlowKit {
  /** Adds a node. @returns its id */
  add(type: string, config: object, ...wires: string[]): string;
  fn(func: string, next: string, more?: object): string;
  delay(config: object, ...wires: string[]): string;
  join(config: object, next: string): string;
  /** Pieces that each give one message for one, and the same parts. @param most how many */
  plain(most: number, last: string): string;
  /** Adds what a subflow is made of, which may not lead out of it. @returns the subflow's type */
  subflow(inside: () => { first: string; last: string }, config?: object): string;
  /** Whether what is added is part of a subflow: links do not work there. */
  insideSubflow(): boolean;
  pick<T>(list: readonly T[]): T;
  /** A function that has `fails` and `lot`: see `random-flow.ts`. */
  fails(how: string, next: string, more?: object): string;
  /** Builds a Catch branch; no branch has another. */
  forgiven(fails: string, next: string, scope?: object): void;
  mayCatch(): boolean;
  /** How long a call waits for its answer, in ms. */
  patience: number;
  /** Where what is posted comes back. */
  url: string;
  nodes: FlowNodeConfig[];
}

const SPLIT = { splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len" };
const KEEP = "msg.kept = msg.payload; return msg;";
const RESTORE = "msg.payload = msg.kept; delete msg.kept; return msg;";
/** A topic that no other message has: else some nodes take one for a newer one of the other. */
const OWN_TOPIC = "msg.topic = RED.util.generateId(); return msg;";
const ANEW = "const anew = { payload: msg.payload }; for (const key of ['parts', '_linkSource']) if (key in msg) anew[key] = msg[key];";

/** One message in, the same or one made of it out. */
export function furtherPlain(kit: FlowKit): Record<string, Piece> {
  const { add, fn, delay, join, plain, pick } = kit;
  const inSubflow = (config: object, next: string): string => {
    const type = kit.subflow(() => {
      const last = add("test-see", {});
      return { first: plain(2, last), last };
    }, config);
    return add(type, {}, next);
  };
  const linkIn = (): string => {
    const end = add("link out", { mode: "return", links: [] });
    return add("link in", { links: [] }, plain(2, end));
  };
  return {
    junction: (next) => add("junction", {}, next),
    template: (next) => add("template", { field: "x", fieldType: "msg", format: "handlebars", syntax: "mustache", template: "{{topic}}", output: "str" }, next),
    "JSON there and back": (next) => fn("msg.payload = [msg.payload]; return msg;", add("json", { property: "payload", action: "str", pretty: false }, add("json", { property: "payload", action: "obj" }, next))),
    "YAML there and back": (next) => fn("msg.payload = [msg.payload]; return msg;", add("yaml", { property: "payload" }, add("yaml", { property: "payload" }, next))), // not every text is YAML
    "sort of a list": (next) => fn("msg.list = [3, 1, 2]; return msg;", add("sort", { order: "ascending", as_num: false, target: "list", targetType: "msg", msgKey: "", msgKeyType: "elem", seqKey: "payload", seqKeyType: "msg" }, next)),
    "filter of what is new": (next) => fn(OWN_TOPIC, add("rbe", { func: "rbe", gap: "", start: "", inout: "out", septopics: true, property: "payload", topi: "topic" }, next)),
    "trigger that sends at once": (next) => fn(OWN_TOPIC, add("trigger", { op1: "", op2: "", op1type: "pay", op2type: "nul", duration: pick(["0", "20"]), units: "ms", bytopic: "topic", topic: "topic", outputs: 1 }, next)),
    "trigger of messages made anew": (next) => fn(`${ANEW} anew.topic = RED.util.generateId(); return anew;`, add("trigger", { op1: "", op2: "", op1type: "pay", op2type: "nul", duration: "5", units: "ms", bytopic: "topic", topic: "topic", outputs: 1 }, next)),
    "delay that the message says": (next) => fn("msg.delay = 3; return msg;", delay({ pauseType: "delayv" }, next)),
    "delay that is flushed": (next) => fn("node.send(msg); setTimeout(() => { node.send({ flush: true }); node.done(); }, 4);", delay({ pauseType: pick(["delay", "random"]), timeout: "5000", randomFirst: "5000", randomLast: "6000" }, next)),
    "rate limit that is flushed": (next) => fn("node.send(msg); setTimeout(() => { node.send({ flush: true }); node.done(); }, 4);", delay({ pauseType: "rate", rate: "1", nbRateUnits: "5" }, next)),
    "http request": (next) => add("http request", { method: "POST", ret: "obj", paytoqs: "ignore", url: kit.url, tls: "", persist: pick([true, false]), senderr: pick([true, false]) }, next),
    exec: (next) => fn(KEEP, add("exec", { command: "true", addpay: "", append: "", useSpawn: pick(["true", "false"]), oldrc: "false", timer: "", wires: [[], [], [fn(RESTORE, next)]] })),
    "Switch of many rules": (next) => add("switch", { property: "x", propertyType: "msg", checkall: pick(["true", "false"]), rules: [{ t: "nnull" }, { t: "eq", v: "nothing", vt: "str" }, { t: "else" }], outputs: 3, wires: [[next], [next], [next]] }),
    "Switch by JSONata": (next) => add("switch", { property: "$string(payload) != 'nothing'", propertyType: "jsonata", checkall: "true", rules: [{ t: "true" }, { t: "else" }], outputs: 2, wires: [[next], [next]] }),
    "wire to a disabled node": (next) => {
      const off = add("test-see", { d: true });
      return add("test-see", { wires: [[next, off]] });
    },
    "context that is in memory": (next) => add("change", { rules: [{ t: "set", p: "last", pt: "flow", to: "payload", tot: "msg" }] }, next),
    "context that is on disk": (next) => add("change", { rules: [{ t: "set", p: "#:(disk)::last", pt: "flow", to: "payload", tot: "msg" }, { t: "set", p: "x", pt: "msg", to: "#:(disk)::last", tot: "flow" }] }, next),
    "function that asks the disk": (next) => fn("flow.get('last', 'disk', () => { node.send(msg); node.done(); });", next),
    "function that copies": (next) => fn(pick(["return RED.util.cloneMessage(msg);", "return JSON.parse(JSON.stringify(msg));", "return { ...msg };", "return new Proxy(msg, {});", "class Message {} return Object.assign(new Message(), msg);"]), next),
    "function that copies, later": (next) => fn("const copy = RED.util.cloneMessage(msg); setTimeout(() => { node.send(copy); node.done(); }, 3);", next),
    "function that sends without a copy": (next) => fn("node.send(msg, false); return null;", next),
    "function of two outputs": (next) => fn("return [msg, { payload: 'aside' }];", next, { outputs: 2, wires: [[next], [add("test-see", {})]] }),
    "function with an interval": (next) => fn("let left = 3; const timer = setInterval(() => { left -= 1; if (left > 0) return; clearInterval(timer); node.send(msg); node.done(); }, 2);", next),
    "function that starts and stops": (next) =>
      fn("return msg;", next, { initialize: "context.set('timer', setInterval(() => node.status({ text: 'on' }), 5));", finalize: "clearInterval(context.get('timer'));" }),
    "function that gathers by a timer of nobody": (next) =>
      fn(`${ANEW} context.get('all').push({ send: () => node.send(${pick(["anew", "msg"])}), done: () => node.done() });`, next, {
        initialize: `context.set('all', []); setInterval(() => { for (const { send, done } of context.get('all').splice(0)) { ${pick(["send(); done();", "done(); send();"])} } }, 7);`,
      }),
    "function that calls a link": (next) => {
      if (kit.insideSubflow()) return next;
      const entry = linkIn();
      return fn(`return await node.linkcall('${entry}', msg, { timeout: ${kit.patience}, clone: ${pick(["true", "false"])} });`, next);
    },
    "link call to where the message says": (next) => {
      if (kit.insideSubflow()) return next;
      const entry = linkIn();
      const name = `way ${entry}`;
      Object.assign(kit.nodes.find(({ id }) => id === entry) as object, { name });
      return fn(`msg.target = '${name}'; return msg;`, add("link call", { links: [], linkType: "dynamic", timeout: String(kit.patience / 1000) }, next));
    },
    subflow: (next) => inSubflow({}, next),
    "subflow with a status": (next) => inSubflow({ withStatus: true }, next),
    "subflow with an environment": (next) => {
      const type = kit.subflow(
        () => {
          const last = fn("msg.x = env.get('WORD'); return msg;", "");
          return { first: plain(2, last), last };
        },
        { env: [{ name: "WORD", type: "str", value: "none" }] },
      );
      return add(type, { env: [{ name: "WORD", type: "str", value: "some" }] }, next);
    },
    "subflow, twice": (next) => {
      const type = kit.subflow(() => {
        const last = add("test-see", {});
        return { first: plain(1, last), last };
      });
      return add(type, {}, add(type, {}, next));
    },
    "split and join of an object": (next) =>
      fn("msg.payload = { one: msg.payload, two: [msg.payload] }; return msg;", add("split", { ...SPLIT, addname: "" }, plain(2, join({ mode: "auto" }, fn("msg.payload = Object.values(msg.payload); return msg;", next))))),
    "split and join of a text": (next) =>
      fn("msg.payload = JSON.stringify(msg.payload) + '\\nend'; return msg;", add("split", SPLIT, plain(1, join({ mode: "auto" }, next)))),
    "split, sort and join": (next) => {
      const key = pick([{ seqKey: "payload", seqKeyType: "msg" }, { seqKey: "$string(payload)", seqKeyType: "jsonata" }]);
      const sort = add("sort", { order: "ascending", as_num: false, target: "payload", targetType: "seq", msgKey: "", msgKeyType: "elem", ...key }, join({ mode: "auto" }, next));
      return add("split", SPLIT, plain(2, sort));
    },
    "split and reduce": (next) =>
      add("split", SPLIT, plain(2, join({ mode: "reduce", reduceExp: "$append($A, [payload])", reduceInit: "[]", reduceInitType: "json", reduceFixup: pick(["", "[$A]"]), reduceRight: false }, fn("msg.parts = msg.parts.parts; if (!msg.parts) delete msg.parts; return msg;", next)))),
    "function behind a Complete": (next) => {
      const first = fn(pick(["return msg;", "await new Promise((resolve) => setTimeout(resolve, 2));", "setTimeout(() => node.done(), 3);"]), "");
      add("complete", { scope: [first], uncaught: false }, fn("delete msg.complete; return msg;", next));
      return first;
    },
    "Delay behind a Complete": (next) => {
      const first = delay({ pauseType: "delay" }, "");
      add("complete", { scope: [first], uncaught: false }, fn("delete msg.complete; return msg;", next));
      return first;
    },
    "error that a second Catch node gets, too": (next) => {
      if (!kit.mayCatch()) return next;
      const first = fn("if (!msg.again) { msg.again = true; throw new Error('first'); } return msg;", next);
      add("catch", { scope: [first], uncaught: false }, add("test-see", {}));
      kit.forgiven(first, next);
      return first;
    },
    "error later that its Catch branch forgives": (next) => {
      if (!kit.mayCatch()) return next;
      const first = fn(pick(["setTimeout(() => (msg ? node.done(new Error('later')) : node.done()), 3);", "node.error('reported', msg);", "setTimeout(() => { node.error('reported later', msg); node.done(); }, 2);"]), "");
      kit.forgiven(first, next);
      return first;
    },
    "error of a group that its Catch branch forgives": (next) => {
      if (!kit.mayCatch() || kit.insideSubflow()) return next;
      const g = `group-${kit.nodes.length}`;
      const first = fn("throw new Error('of a group');", "", { g });
      kit.nodes.push({ id: g, type: "group", nodes: [first], name: "" });
      kit.forgiven(first, next, { scope: "group", g });
      return first;
    },
    "error of a subflow that is forgiven outside": (next) => {
      if (!kit.mayCatch() || kit.insideSubflow()) return next;
      const type = kit.subflow(() => {
        const first = fn(pick(["throw new Error('inside');", "await new Promise((resolve) => setTimeout(resolve, 2)); throw new Error('inside, later');"]), "");
        return { first, last: first };
      });
      const first = add(type, { wires: [[]] });
      kit.forgiven(first, next);
      return first;
    },
  };
}

/** Several messages of one, or one of several; not within a split. */
export function furtherShaping(kit: FlowKit): Record<string, Piece> {
  const { add, fn, join, plain, pick } = kit;
  return {
    "batch of parts": (next) => add("split", SPLIT, add("batch", { mode: "count", count: "2", overlap: "0", honourParts: true, allowEmptySequence: false }, pick([next, join({ mode: "auto" }, next)]))), // in their order: it waits for another one behind what is not the last
    "join of so many, by a key": (next) => fn(OWN_TOPIC, join({ mode: "custom", build: "object", count: pick(["2", "3"]), useparts: false }, next)),
    "join of so many, till one completes": (next) => fn("if (Math.random() < 0.5) msg.complete = true; return msg;", join({ mode: "custom", build: "array", count: "", useparts: false }, next)),
    "function that sends of itself": (next) => fn("return msg;", next, { initialize: "setTimeout(() => node.send({ payload: 'of nobody' }), 3);" }),
    "link to two": (next) => {
      const one = add("link in", { links: [`link-out-${kit.nodes.length + 2}`] }, next);
      const two = add("link in", { links: [`link-out-${kit.nodes.length + 1}`] }, next);
      return add("link out", { mode: "link", links: [one, two] });
    },
    "debug beside": (next) => add("test-see", { wires: [[next, add("debug", { active: true, tosidebar: true, console: false, complete: "true", targetType: "full" })]] }),
    "status beside": (next) => {
      const first = fn("node.status({ text: 'works' }); return msg;", next);
      add("status", { scope: [first] }, add("test-see", {}));
      return first;
    },
    "fork whose ways join": (next) => add("test-see", { wires: [[plain(2, next), plain(2, next)]] }),
  };
}

/** What fails is tried again. */
export function furtherFaulty(kit: FlowKit): Record<string, Piece> {
  const { add, fn, plain, pick, fails } = kit;
  const seen = (scope: object): string => add("catch", { scope: null, uncaught: false, ...scope }, add("test-see", {}));
  return {
    "error that several Catch nodes get": (next) => {
      const first = fails("if (fails) throw new Error('thrown'); return msg;", next);
      seen({ scope: [first] });
      seen({ scope: [first] });
      return first;
    },
    "Catch of what no other takes": (next) => {
      const first = fails("if (fails) node.error('reported', msg); else return msg;", next);
      seen({ uncaught: true });
      return first;
    },
    "error within a subflow": (next) => {
      const type = kit.subflow(() => {
        const last = fails("if (fails) throw new Error('inside'); return msg;", "");
        if (pick([true, false])) seen({ scope: [last] });
        return { first: plain(1, last), last };
      });
      const first = add(type, {}, next);
      if (pick([true, false])) seen({ scope: [first] });
      return first;
    },
    "message that is put back to its source": (next) => fails("if (fails) msg.outcome = 'retry'; return msg;", add("switch", { property: "outcome", propertyType: "msg", checkall: "false", rules: [{ t: "nnull" }, { t: "else" }], outputs: 2, wires: [[add("surewire-settle", { outcome: "outcome", outcomeType: "msg" })], [next]] })),
    "link call whose target fails": (next) => {
      if (kit.insideSubflow()) return next;
      const end = add("link out", { mode: "return", links: [] });
      const entry = add("link in", { links: [] }, fails("if (fails) throw new Error('called'); return msg;", end));
      return add("link call", { links: [entry], linkType: "static", timeout: "0.3" }, next);
    },
    "sink within a subflow": (next) => {
      const type = kit.subflow(() => {
        const last = add("test-see", {});
        return { first: fn("return msg;", add("test-sink", { batchSize: pick([1, 5]) }, last)), last };
      });
      return add(type, {}, next);
    },
  };
}
