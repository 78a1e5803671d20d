import { tmpdir } from "node:os";
import path from "node:path";
import { GATHERING, ODD, OLD } from "../services/test-nodes/odd-nodes";
import type { FlowKit, Piece } from "./random-pieces";

const JOIN_AUTO = { mode: "auto" };
const AS_TEXT = "msg.kept = msg.payload; msg.payload = JSON.stringify(msg.payload);";
const AS_VALUE = "msg.payload = JSON.parse(msg.payload); delete msg.kept; return msg;";
const RESTORE = "msg.payload = msg.kept; delete msg.kept; return msg;";
const OWN_TOPIC = "msg.topic = RED.util.generateId();";
const SPLIT = { splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len" };
/** Where files are written and read. */
const FILE = `msg.filename = ${JSON.stringify(path.join(tmpdir(), `surewire-random-${process.pid}-`))} + RED.util.generateId();`;

/** One message in, the same or one made of it out. */
export function oddPlain(kit: FlowKit): Record<string, Piece> {
  const { add, fn, delay, join, plain, pick } = kit;
  const odd = Object.fromEntries(
    [...Object.keys(ODD), ...Object.keys(OLD)].map((how): [string, Piece] => [
      `odd node: ${how}`,
      (next) => {
        const config = { how, anew: pick([true, false]), doneFirst: pick([true, false]) };
        return how === "hands over directly" ? add("test-odd", { ...config, to: add("test-see", {}, next) }) : add("test-odd", config, next);
      },
    ]),
  );
  /** Round and round through `inner`, three times. */
  const loop = (inner: (first: string) => string, next: string): string => {
    const count = `round${kit.nodes.length}`;
    const first = fn(`msg.${count} = (msg.${count} ?? 0) + 1; if (msg.${count} < 4) return [msg, null]; delete msg.${count}; return [null, msg];`, next, { outputs: 2 });
    const node = kit.nodes.find(({ id }) => id === first);
    if (node) node.wires = [[inner(first)], [next]];
    return first;
  };
  return {
    ...odd,
    "two handlers": (next) => add("test-two-handlers", {}, next),
    loop: (next) => loop((first) => add("test-see", {}, first), next),
    "loop through a delay": (next) => loop((first) => delay({ pauseType: "delay", timeout: "1" }, first), next),
    "loop through a Switch": (next) => loop((first) => add("switch", { property: "payload", propertyType: "msg", checkall: "true", rules: [{ t: "nnull" }], outputs: 1 }, first), next),
    "loop through a junction and a new message": (next) => {
      const first = fn("const { round = 0, ...rest } = msg.count ?? {}; const anew = { payload: msg.payload }; for (const key of ['parts', '_linkSource']) if (key in msg) anew[key] = msg[key]; if (round < 3) { anew.count = { round: round + 1 }; return [anew, null]; } return [null, anew];", next, { outputs: 2 });
      const node = kit.nodes.find(({ id }) => id === first);
      if (node) node.wires = [[add("junction", {}, first)], [next]];
      return first;
    },
    "link call in a loop": (next) => {
      if (kit.insideSubflow()) return next;
      const entry = add("link in", { links: [] }, add("test-see", {}, add("link out", { mode: "return", links: [] })));
      return loop((first) => add("link call", { links: [entry], linkType: "static", timeout: String(kit.patience / 1000) }, first), next);
    },
    "XML there and back": (next) => fn("msg.payload = { a: { b: JSON.stringify(msg.payload) } }; return msg;", add("xml", { property: "payload", attr: "", chr: "" }, add("xml", { property: "payload", attr: "", chr: "" }, fn("msg.payload = JSON.parse(msg.payload.a.b[0]); return msg;", next)))),
    "HTML read": (next) => fn(`${AS_TEXT} msg.payload = '<p>' + msg.payload.replaceAll('<', '&lt;') + '</p>'; return msg;`, add("html", { property: "payload", outproperty: "payload", tag: "p", ret: "text", as: "single" }, fn("msg.payload = JSON.parse(msg.payload[0]); delete msg.kept; return msg;", next))),
    "file written and read": (next) => fn(`${AS_TEXT} ${FILE} return msg;`, add("file", { filename: "filename", filenameType: "msg", appendNewline: false, createDir: false, overwriteFile: pick(["true", "false"]), encoding: "none" }, add("file in", { filename: "filename", filenameType: "msg", format: "utf8", sendError: false, allProps: true }, add("file", { filename: "filename", filenameType: "msg", overwriteFile: "delete" }, fn(AS_VALUE, next))))),
    "exec that tells": (next) => fn("msg.kept = msg.payload; msg.payload = '1'; return msg;", add("exec", { command: "echo", addpay: "payload", append: "", useSpawn: pick(["true", "false"]), oldrc: "false", timer: "", wires: [[fn(RESTORE, next)], [], []] })),
    "rate that the message says": (next) => fn("msg.rate = 2; return msg;", delay({ pauseType: "rate", allowrate: true }, next)),
    "rate limit that puts out what it drops": (next) => delay({ pauseType: "rate", drop: true, outputs: 2, wires: [[next], [next]] }),
    "rate limit of one to the front": (next) => fn("msg.toFront = Math.random() < 0.5; return msg;", delay({ pauseType: "rate" }, next)),
    burst: (next) => delay({ pauseType: "burst", rate: "3", nbRateUnits: "1", outputs: 2, wires: [[next], [next]] }),
    "delay that is flushed one by one": (next) => fn("node.send(msg); setTimeout(() => { node.send({ flush: 1 }); node.done(); }, 4);", delay({ pauseType: "delay", timeout: "5000" }, next)),
    "message that flushes": (next) => fn("msg.flush = true; return msg;", delay({ pauseType: "rate", rate: "1", nbRateUnits: "1" }, fn("delete msg.flush; return msg;", next))),
    "range, then template of a buffer": (next) => fn("msg.n = 5; return msg;", add("range", { minin: "0", maxin: "10", minout: "0", maxout: "100", action: "scale", round: false, property: "n" }, next)),
    "sort of a sequence, then a joined text": (next) => fn("msg.payload = msg.payload === undefined ? ['none'] : [].concat(msg.payload).map((one) => JSON.stringify(one)); return msg;", add("split", SPLIT, plain(1, join(JOIN_AUTO, next)))),
    "split of a buffer": (next) => fn("msg.payload = Buffer.from(JSON.stringify(msg.payload)); return msg;", add("split", { ...SPLIT, splt: "[44]", spltType: "bin" }, join(JOIN_AUTO, fn("msg.payload = JSON.parse(msg.payload.toString()); return msg;", next)))),
    "delay that is reset beside": (next) => fn("node.send([msg, RED.util.cloneMessage(msg)]); setTimeout(() => { node.send([null, { reset: true }]); node.done(); }, 3);", next, { outputs: 2, wires: [[next], [delay({ pauseType: "delay", timeout: "2000" }, add("test-see", {}))]] }),
    "join that is reset beside": (next) => fn("node.send([msg, RED.util.cloneMessage(msg)]); setTimeout(() => { node.send([null, { reset: true, payload: 1 }]); node.done(); }, 3);", next, { outputs: 2, wires: [[next], [join({ mode: "custom", build: "array", count: "1000", useparts: false, timeout: "" }, add("test-see", {}))]] }),
    "batch that is reset beside": (next) => fn("node.send([msg, RED.util.cloneMessage(msg)]); setTimeout(() => { node.send([null, { reset: true }]); node.done(); }, 3);", next, { outputs: 2, wires: [[next], [add("batch", pick([{ mode: "count", count: "1000", overlap: "0" }, { mode: "interval", interval: "60" }]), add("test-see", {}))]] }),
    "trigger of two, the second beside": (next) => fn(`${OWN_TOPIC} return msg;`, add("trigger", { op1: "", op2: "later", op1type: "pay", op2type: "str", duration: "8", units: "ms", bytopic: "topic", topic: "topic", outputs: 2, wires: [[next], [add("test-see", {})]] })),
    "trigger that repeats, reset": (next) => fn(`${OWN_TOPIC} const { topic } = msg; node.send([msg, msg]); setTimeout(() => { node.send([null, { reset: true, topic }]); node.done(); }, 5);`, next, { outputs: 2, wires: [[next], [add("trigger", { op1: "", op2: "", op1type: "pay", op2type: "nul", duration: "-2", units: "ms", bytopic: "topic", topic: "topic", outputs: 1 }, add("test-see", {}))]] }),
    "http request that is refused, and forgiven": (next) => {
      if (!kit.mayCatch()) return next;
      const first = add("http request", { method: "GET", ret: "txt", paytoqs: "ignore", url: "http://127.0.0.1:9/", tls: "", persist: false, senderr: true });
      add("catch", { uncaught: false, scope: [first] }, fn(`delete msg.error; delete msg._error; ${RESTORE}`, add("surewire-settle", { outcome: "accept", outcomeType: "outcome" }, next)));
      return fn("msg.kept = msg.payload; return msg;", first);
    },
    "file that is not there, and forgiven": (next) => {
      if (!kit.mayCatch()) return next;
      const first = add("file in", { filename: "/nowhere/at/all", filenameType: "str", format: "utf8", sendError: false, allProps: true });
      add("catch", { uncaught: false, scope: [first] }, fn(`delete msg.error; delete msg._error; ${RESTORE}`, add("surewire-settle", { outcome: "accept", outcomeType: "outcome" }, next)));
      return fn("msg.kept = msg.payload; return msg;", first);
    },
  };
}

/** Several messages of one, or one of several; not within a split. */
export function oddShaping(kit: FlowKit): Record<string, Piece> {
  const { add, fn, join, pick } = kit;
  const gathering = Object.fromEntries(
    Object.keys(GATHERING).map((how): [string, Piece] => [
      `odd node: ${how}`,
      // what comes twice as the same object must be copied before it is changed
      (next) => add("test-odd", { how, anew: pick([true, false]), doneFirst: pick([true, false]) }, add("test-odd", { how: "old, sends a copy" }, next)),
    ]),
  );
  return {
    ...gathering,
    "CSV there and back": (next) => {
      const csv = { sep: ",", hdrin: "", hdrout: "none", multi: "mult", ret: "\\n", temp: "a,b", skip: "0", strings: true, spec: "rfc" };
      return fn("msg.payload = [{ a: 1, b: JSON.stringify(msg.payload) }]; return msg;", add("csv", csv, add("csv", csv, fn("msg.payload = JSON.parse(msg.payload[0].b); return msg;", next))));
    },
    "CSV rows": (next) => fn("msg.payload = [].concat(msg.payload).map((one) => `${JSON.stringify(JSON.stringify(one)).replaceAll('\\\\\"', '\"\"')}`).join('\\n'); return msg;", add("csv", { sep: ",", hdrin: "", hdrout: "none", multi: "one", ret: "\\n", temp: "a", skip: "0", strings: true, spec: "rfc" }, next)),
    "HTML of several": (next) => fn("msg.payload = [].concat(msg.payload).map((one) => `<p>${JSON.stringify(one).replaceAll('<', '&lt;')}</p>`).join(''); return msg;", add("html", { property: "payload", outproperty: "payload", tag: "p", ret: "text", as: "multi" }, next)),
    "lines of a file": (next) =>
      fn(`${FILE} msg.payload = [].concat(msg.payload).map((one) => JSON.stringify(one)).join('\\n'); return msg;`, add("file", { filename: "filename", filenameType: "msg", appendNewline: pick([true, false]), createDir: false, overwriteFile: "true", encoding: "none" }, add("file in", { filename: "filename", filenameType: "msg", format: "lines", sendError: false, allProps: pick([true, false]) }, next))),
    "join to a text": (next) => fn("msg.payload = JSON.stringify(msg.payload) ?? ''; return msg;", join({ mode: "custom", build: "string", joiner: " ", count: pick(["2", "4"]), useparts: false }, next)),
    "join of objects": (next) => fn(`msg.payload = { [RED.util.generateId()]: msg.payload }; return msg;`, join({ mode: "custom", build: "merged", count: pick(["2", "3"]), useparts: false }, next)),
    "join that accumulates": (next) => fn(`${OWN_TOPIC} return msg;`, join({ mode: "custom", build: "object", count: "2", accumulate: true, useparts: false }, next)),
    "join whose time is set anew": (next) => fn("if (Math.random() < 0.3) msg.restartTimeout = true; return msg;", join({ mode: "custom", build: "array", count: "", useparts: false }, next)),
    "exec whose lines go on": (next) => fn("msg.payload = JSON.stringify(msg.payload).match(/d\\d+\\.\\d+(-\\d+)?/g)?.join(' ') ?? ''; return msg;", add("exec", { command: "echo", addpay: "payload", append: "", useSpawn: pick(["true", "false"]), oldrc: "false", timer: "", wires: [[next], [], [add("test-see", {})]] })),
    "batch that is empty now and then": (next) => add("batch", { mode: "interval", interval: "0.01", allowEmptySequence: true }, next),
  };
}

/** What fails is tried again. */
export function oddFaulty(kit: FlowKit): Record<string, Piece> {
  const { add, fn, pick, fails } = kit;
  /** What fails goes to a node that fails with it. */
  const diverted = (next: string, { type, ...config }: Record<string, unknown> & { type: string }, how = ""): string => {
    const first = fails(`${how} return fails ? [msg, null] : [null, msg];`, next, { outputs: 2 });
    const node = kit.nodes.find(({ id }) => id === first);
    if (node) node.wires = [[add(type, config)], [next]];
    return first;
  };
  return {
    "message that is sent, and fails then": (next) => fails(`${pick(["", "await null;", "await new Promise((resolve) => setTimeout(resolve, 1));"])} node.send(msg); if (fails) node.done(new Error('after')); else node.done();`, next),
    "http request that is refused": (next) => diverted(next, { type: "http request", method: "GET", ret: "txt", paytoqs: "ignore", url: "http://127.0.0.1:9/", tls: "", persist: false, senderr: true }),
    "file that is not there": (next) => diverted(next, { type: "file in", filename: "/nowhere/at/all", filenameType: "str", format: "utf8", sendError: false, allProps: true }),
    "no JSON": (next) => diverted(next, { type: "json", property: "payload", action: "obj" }, "if (fails) msg.payload = '{';"),
    "error without a message": (next) => fails("if (fails) node.error('for itself'); else node.send(msg); node.done();", next),
    "error that nobody's code tells": (next) => fn(`context.get('all').push({ msg, done: () => node.done(), fail: (error) => node.done(error), send: () => node.send(msg), error: (text) => node.error(text, msg) });`, next, {
      initialize: `context.set('all', []); setInterval(() => { for (const { msg, done, fail, send, error } of context.get('all').splice(0)) { const first = /d(\\d+)\\.(\\d+)-1\\b/.test(JSON.stringify(msg.payload)); if (first && Math.random() < 0.2) ${pick(["{ fail(new Error('of nobody')); }", "{ error('of nobody'); done(); }"])} else { send(); done(); } } }, 4);`,
    }),
  };
}
