import { AsyncResource } from "node:async_hooks";
import type { Node, NodeAPI, NodeDef } from "node-red";

type Message = Record<string, unknown>;

/** A message that was passed to an odd node, with the functions that Node-RED passes with it. */
interface Job {
  msg: Message;
  send(message: unknown): void;
  done(error?: Error): void;
}

interface OddDef extends NodeDef {
  /** The key of a habit in {@link ODD}, {@link OLD} or {@link GATHERING}. */
  how: string;
  /** Whether it sends new messages, with no property that tells to which delivery they belong, except those that Split and Link need. */
  anew?: boolean;
  /** Whether it calls `done` before it sends. */
  doneFirst?: boolean;
  /** Id of the node to which it passes messages without a wire. */
  to?: string;
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs tasks one after the other, from its own timer and in no message's context, like a driver with one connection for all messages. */
class Pool {
  private readonly tasks: (() => void)[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(node: Node) {
    this.timer = setInterval(() => {
      for (let left = 3; left > 0; left -= 1) this.tasks.shift()?.();
    }, 3);
    node.on("close", () => clearInterval(this.timer));
  }

  submit(task: () => void): void {
    this.tasks.push(task);
  }
}

/** What a {@link Habit} gets. */
interface Habits {
  node: Node;
  config: OddDef;
  RED: NodeAPI;
  /** Sends what was made of a message, and calls `done`. */
  finish(job: Job): void;
  made(msg: Message): Message;
}

/** How a node of another pack works. Returns the handler of a node that takes a `done`. */
type Habit = (habits: Habits) => (job: Job) => void;

/** Nodes that send one message for each. */
export const ODD: Record<string, Habit> = {
  worker: ({ finish }) => {
    const queue: Job[] = [];
    let busy = false;
    const work = async (): Promise<void> => {
      busy = true;
      for (let job = queue.shift(); job; job = queue.shift()) {
        await later(1);
        finish(job);
      }
      busy = false;
    };
    return (job) => {
      queue.push(job);
      if (!busy) void work();
    };
  },
  "two workers": ({ finish }) => {
    const queue: Job[] = [];
    let idle = 2;
    const work = async (): Promise<void> => {
      idle -= 1;
      for (let job = queue.shift(); job; job = queue.shift()) {
        await later(queue.length % 3);
        finish(job);
      }
      idle += 1;
    };
    return (job) => {
      queue.push(job);
      if (idle > 0) void work();
    };
  },
  pool: ({ node, finish }) => {
    const pool = new Pool(node);
    return (job) => pool.submit(() => finish(job));
  },
  "pool that is older than the message": ({ finish }) => {
    let resource: AsyncResource | undefined;
    return (job) => {
      const first = (resource ??= new AsyncResource("socket"));
      setTimeout(() => first.runInAsyncScope(() => finish(job)), 2);
    };
  },
  "all of a moment, one after the other": ({ finish }) => {
    let group: Job[] = [];
    return (job) => {
      if (group.push(job) > 1) return;
      const goThrough = async (): Promise<void> => {
        const all = group;
        group = [];
        for (const one of all) {
          await later(0);
          finish(one);
        }
      };
      setTimeout(() => void goThrough(), 4);
    };
  },
  "all of a moment, side by side": ({ finish }) => {
    let group: Job[] = [];
    return (job) => {
      if (group.push(job) > 1) return;
      setImmediate(() => {
        const all = group;
        group = [];
        void Promise.all(all.map(async (one, index) => (await later(index % 3), finish(one))));
      });
    };
  },
  "promises in between": ({ finish }) => async (job) => {
    for (let left = 5; left > 0; left -= 1) await Promise.resolve();
    finish(job);
  },
  "a microtask after done": ({ made }) => ({ msg, send, done }) => {
    done();
    void Promise.resolve().then(() => send(made(msg)));
  },
  "done much later": ({ made }) => ({ msg, send, done }) => {
    send(made(msg));
    setTimeout(done, 12);
  },
  "done twice": ({ finish }) => (job) => {
    finish(job);
    job.done();
    setTimeout(job.done, 3);
  },
  "arrays of arrays": ({ made }) => ({ msg, send, done }) => {
    send([[null, made(msg), undefined]]);
    setImmediate(done);
  },
  "node.send": ({ node, made }) => ({ msg, done }) => {
    setTimeout(() => {
      node.send(made(msg) as never);
      done();
    }, 2);
  },
  "hands over directly": ({ node, config, RED, made }) => ({ msg, done }) => {
    setTimeout(() => {
      (RED.nodes.getNode(config.to as string) as unknown as Node).receive(made(msg) as never);
      done();
    }, 2);
    void node;
  },
  "comes round to itself": ({ node, finish, RED }) => (job) => {
    if (job.msg.round === node.id) {
      delete job.msg.round;
      return finish(job);
    }
    job.msg.round = node.id;
    node.receive(RED.util.cloneMessage(job.msg) as never);
    job.done();
  },
  "emits its input": ({ node, finish }) => (job) => {
    if (job.msg.round === node.id) {
      delete job.msg.round;
      return finish(job);
    }
    job.msg.round = node.id;
    setTimeout(() => {
      node.emit("input", job.msg as never);
      job.done();
    }, 1);
  },
};

/** Nodes that take no `done` and send at once. */
export const OLD: Record<string, (habits: Habits) => (msg: Message) => void> = {
  "old, sends": ({ node, made }) => (msg) => node.send(made(msg) as never),
  "old, sends a copy": ({ node, RED, made }) => (msg) => node.send(RED.util.cloneMessage(made(msg) as never)),
  "old, sends arrays": ({ node, made }) => (msg) => node.send([[made(msg)]] as never),
  "old, shows its state": ({ node, made }) => (msg) => {
    node.status({ text: "works" });
    node.send(made(msg) as never);
    node.status({});
  },
};

/** Nodes that make one message from several, or several from one. */
export const GATHERING: Record<string, Habit> = {
  "by a timer of nobody": ({ node, config, made }) => {
    let group: Job[] = [];
    const timer = setInterval(() => {
      const all = group;
      group = [];
      if (all.length > 0) sendAll(all, config, made, (message) => node.send(message as never));
    }, 9);
    node.on("close", () => clearInterval(timer));
    return (job) => void group.push(job);
  },
  "by a timer of the first": ({ config, made }) => {
    let group: Job[] = [];
    return (job) => {
      if (group.push(job) > 1) return;
      setTimeout(() => {
        const all = group;
        group = [];
        sendAll(all, config, made, job.send);
      }, 9);
    };
  },
  "by a timer of the last": ({ config, made }) => {
    let group: Job[] = [];
    let timer: NodeJS.Timeout | undefined;
    return (job) => {
      group.push(job);
      clearTimeout(timer);
      timer = setTimeout(() => {
        const all = group;
        group = [];
        sendAll(all, config, made, job.send);
      }, group.length < 4 ? 6 : 0);
    };
  },
  "the same object twice": ({ made }) => ({ msg, send, done }) => {
    const one = made(msg);
    send(one);
    send(one);
    done();
  },
  "the same object thrice in a list": ({ made }) => ({ msg, send, done }) => {
    const one = made(msg);
    send([[one, one, one]]);
    done();
  },
  "one at once, one later": ({ made, RED }) => ({ msg, send, done }) => {
    const copy = RED.util.cloneMessage(msg as never) as unknown as Message;
    send(made(msg));
    setTimeout(() => {
      send(made(copy));
      done();
    }, 4);
  },
};

function sendAll(group: readonly Job[], { doneFirst }: OddDef, made: Habits["made"], send: (message: unknown) => void): void {
  const finish = (): void => group.forEach(({ done }) => done());
  if (doneFirst) finish();
  send({ ...made((group.at(-1) as Job).msg), payload: group.map(({ msg }) => msg.payload) });
  if (!doneFirst) finish();
}

/** Registers nodes that behave like those of other packs. */
export function registerOddNodes(RED: NodeAPI): void {
  function OddNode(this: Node, config: OddDef): void {
    RED.nodes.createNode(this, config);
    const made = (msg: Message): Message => {
      if (!config.anew) return msg;
      const { payload, parts, _linkSource } = msg;
      return { payload, ...(parts === undefined ? {} : { parts }), ...(_linkSource === undefined ? {} : { _linkSource }) };
    };
    const finish = ({ msg, send, done }: Job): void => {
      if (config.doneFirst) done();
      send(made(msg));
      if (!config.doneFirst) done();
    };
    const habits: Habits = { node: this, config, RED, made, finish };
    const old = OLD[config.how]?.(habits);
    if (old) this.on("input", (msg) => old(msg as unknown as Message));
    const handle = (ODD[config.how] ?? GATHERING[config.how])?.(habits);
    if (handle) this.on("input", (msg, send, done) => handle({ msg: msg as unknown as Message, send: send as Job["send"], done }));
  }

  /** Has two handlers, as when a library listens as well as the node itself. */
  function TwoHandlersNode(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    let count = 0;
    this.on("input", () => void (count += 1));
    this.on("input", (msg, send, done) => setTimeout(() => (send(msg), done()), 2));
  }

  RED.nodes.registerType("test-odd", OddNode);
  RED.nodes.registerType("test-two-handlers", TwoHandlersNode);
}
