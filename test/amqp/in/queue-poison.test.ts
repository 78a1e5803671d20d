import assert from "node:assert/strict";
import { AckWindow } from "../../../nodes/amqp/client/consuming/ack-window";
import type { Taken } from "../../../nodes/amqp/client/consuming/taking-channel";
import { queuePoison } from "../../../nodes/amqp/in/queue-poison";
import type { ConnectorError } from "../../../nodes/common/errors";
import type { Store } from "../../../nodes/common/store";
import type { PoisonWatchOptions } from "../../../nodes/delivery/poison/poison-options";
import { PoisonWatch } from "../../../nodes/delivery/poison/poison-watch";
import { pause, turns, waitFor } from "../../services/wait";

/** A disk that outlives the processes of a test. */
class Disk implements Store {
  readonly kept = new Map<string, string>();
  broken = false;
  /** Told of all that is written. */
  written = (_value: unknown): void => undefined;
  read(key: string): Promise<unknown> {
    const text = this.kept.get(key);
    return Promise.resolve(text === undefined ? undefined : JSON.parse(text));
  }
  write(key: string, value: unknown): Promise<void> {
    if (this.broken) return Promise.reject(new Error("disk full"));
    this.kept.set(key, JSON.stringify(value));
    this.written(value);
    return Promise.resolve();
  }
  remove(key: string): Promise<void> {
    this.kept.delete(key);
    return Promise.resolve();
  }
}

/** A broker that gives the same messages to one process after the other, and a flow that the poisonous ones end. */
class World {
  readonly disk = new Disk();
  readonly dead: string[] = [];
  readonly warnings: string[] = [];
  /** What the latest process was handed, in order. */
  handed: string[] = [];
  left: string[];
  deaths = 0;
  private redelivered = new Set<string>();

  constructor(contents: string[], private readonly poison: Set<string>, private readonly limit = 3) {
    this.left = [...contents];
  }

  /** A process starts, takes everything there is, and works until all is done or a message ends it. */
  async live(): Promise<"ended" | "done"> {
    let ended = false;
    const window = new AckWindow({ ack() {}, nack() {} });
    this.handed = [];
    const watch: PoisonWatch<Taken> = new PoisonWatch({
      ...queuePoison,
      store: this.disk,
      key: "watch",
      limit: this.limit,
      trial: 50,
      hand: (taken) => {
        if (ended) return;
        const content = String(taken.message.content);
        this.handed.push(content);
        if (this.poison.has(content)) {
          ended = true;
          watch.stop(); // a process that is gone holds no trial; it writes nothing either
        } else setImmediate(() => ended || settle(content, taken));
      },
      deadLetter: (taken, error: ConnectorError) => {
        assert.equal(error.code, "POISON");
        this.dead.push(String(taken.message.content));
        settle(String(taken.message.content), taken);
      },
      warn: (text) => this.warnings.push(text),
    });
    const settle = (content: string, taken: Taken): void => {
      this.left = this.left.filter((one) => one !== content);
      watch.settled(taken);
    };
    await watch.begin();
    const taken = [...this.left];
    taken.forEach((content, index) => watch.take(take(content, this.redelivered.has(content), index + 1, window)));
    await waitFor("the end of the process or of its work", () => ended || this.left.length === 0);
    this.redelivered = new Set(taken);
    this.deaths += ended ? 1 : 0;
    watch.stop();
    if (ended) return "ended";
    await watch.end();
    return "done";
  }

  async liveOn(): Promise<void> {
    while ((await this.live()) === "ended") assert.ok(this.deaths < 20, "it must come to an end");
  }
}

const take = (content: string, redelivered: boolean, deliveryTag: number, window: AckWindow): Taken => {
  window.take(deliveryTag);
  const fields = { deliveryTag, redelivered, exchange: "", routingKey: "q", consumerTag: "c" };
  return { message: { content: Buffer.from(content), fields, properties: {} } as unknown as Taken["message"], window, at: 0 };
};

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

describe("the poison watch", () => {
  it("hands everything over at once and in order while nothing has happened", async () => {
    const world = new World(numbers(100), new Set());
    assert.equal(await world.live(), "done");
    assert.deepEqual(world.handed, numbers(100));
  });

  it("dead-letters the one message of a hundred that ends the process, at its third end, and no other", async () => {
    const world = new World(numbers(100), new Set(["m57"]));
    await world.liveOn();
    assert.equal(world.deaths, 3);
    assert.deepEqual(world.dead, ["m57"]);
  });

  it("says in the log that it has found one, which nobody would look for otherwise", async () => {
    const world = new World(numbers(3), new Set(["m1"]));
    await world.liveOn();
    assert.equal(world.warnings.at(-1), "POISON: The message has ended Node-RED 3 times and is not taken again: it is a dead letter");
  });

  it("finds two of them", async () => {
    const world = new World(numbers(50), new Set(["m10", "m11"]));
    await world.liveOn();
    assert.deepEqual(world.dead.sort(), ["m10", "m11"]);
  });

  it("leaves no marks when it was closed in an orderly way", async () => {
    const world = new World(numbers(5), new Set());
    await world.live();
    assert.deepEqual([...world.disk.kept], []);
  });

  for (const limit of [2, 5]) {
    it(`waits for as many ends as it is told: ${limit}`, async () => {
      const world = new World(numbers(30), new Set(["m3"]), limit);
      await world.liveOn();
      assert.equal(world.deaths, limit);
      assert.deepEqual(world.dead, ["m3"]);
    });
  }

  it("blames no message if the process is killed again and again for another reason", async () => {
    const world = new World(numbers(60), new Set());
    for (let kill = 0; kill < 10; kill += 1) {
      world.disk.kept.set("watch", JSON.stringify({ running: true, deaths: {}, inHand: [] }));
      assert.equal(await world.live(), "done");
      world.left = numbers(60);
    }
    assert.deepEqual(world.dead, []);
  });

  describe("when something else ends the process again and again", () => {
    const disk = new Disk();
    const dead: string[] = [];
    const warnings: string[] = [];
    /** A process whose flow takes for ever; it is killed when this is on the disk. */
    async function live(until: (kept: { inHand: string[]; keptBack?: string }) => boolean): Promise<void> {
      const window = new AckWindow({ ack() {}, nack() {} });
      const watch = new PoisonWatch<Taken>({
        ...{ ...queuePoison, store: disk, key: "watch", limit: 3 },
        hand: () => undefined,
        deadLetter: ({ message }) => dead.push(String(message.content)),
        warn: (text) => warnings.push(text),
      });
      await watch.begin();
      const killed = new Promise<void>((resolve) => {
        disk.written = (kept) => {
          if (!until(kept as { inHand: string[] })) return;
          watch.stop();
          resolve();
        };
      });
      ["a", "b"].forEach((content, index) => watch.take(take(content, true, index + 1, window)));
      await killed;
      disk.written = () => undefined;
    }

    it("blames no message that was in hand alone each time because it is slow", async () => {
      await disk.write("watch", { running: true, deaths: {}, inHand: [] });
      for (let round = 0; round < 3; round += 1) {
        await live(({ inHand }) => inHand.length > 0);
        await live(({ inHand }) => inHand.length === 1);
        await live(({ keptBack }) => keptBack !== undefined);
      }
      assert.deepEqual(dead, []);
      assert.match(warnings.join("\n"), /Something else than the message that was suspected ends Node-RED/);
    });
  });

  it("keeps a suspect back until as late after the start as it was in hand when the process ended", async () => {
    const disk = new Disk();
    const print = queuePoison.fingerprint(take("a", true, 1, new AckWindow({ ack() {}, nack() {} })));
    await disk.write("watch", { running: true, deaths: { [print]: { times: 1, alone: 0 } }, inHand: [print], until: 400 });
    let deadAt = 0;
    const deadLetter = (): unknown => (deadAt = performance.now());
    const watch = new PoisonWatch<Taken>({ ...queuePoison, store: disk, key: "watch", limit: 3, trial: 10, hand() {}, deadLetter, warn() {} });
    const startedAt = performance.now();
    await watch.begin();
    watch.take(take("a", true, 1, new AckWindow({ ack() {}, nack() {} })));
    await waitFor("the dead letter", () => deadAt > 0, { interval: 1 });
    assert.ok(deadAt - startedAt >= 395, String(deadAt - startedAt));
    watch.stop();
  });

  it("keeps a message from the flow that was seen to end the process often enough, however late it comes", async () => {
    const disk = new Disk();
    const taken = take("a", false, 1, new AckWindow({ ack() {}, nack() {} }));
    await disk.write("watch", { running: true, deaths: { [queuePoison.fingerprint(taken)]: { times: 0, alone: 0, seen: 3 } }, inHand: [] });
    const seen: string[] = [];
    const watch = new PoisonWatch<Taken>({ ...queuePoison, store: disk, key: "watch", limit: 3, recent: 0, hand: () => seen.push("flow"), deadLetter: () => seen.push("dead letter"), warn() {} });
    await watch.begin();
    watch.take(taken);
    await waitFor("what becomes of it", () => seen.length > 0, { interval: 1 });
    assert.deepEqual(seen, ["dead letter"]);
    watch.stop();
  });

  it("checks no more messages once the one that was seen to end the process is safely dead-lettered", async () => {
    const disk = new Disk();
    const window = new AckWindow({ ack() {}, nack() {} });
    const seen = take("a", false, 1, window);
    await disk.write("watch", { running: false, deaths: { [queuePoison.fingerprint(seen)]: { times: 0, alone: 0, seen: 3 } }, inHand: [] });
    const looked: string[] = [];
    const fingerprint = (taken: Taken): string => {
      looked.push(String(taken.message.content));
      return queuePoison.fingerprint(taken);
    };
    const handed: string[] = [];
    const hand = ({ message }: Taken): void => void handed.push(String(message.content));
    const watch: PoisonWatch<Taken> = new PoisonWatch({ ...queuePoison, fingerprint, store: disk, key: "watch", limit: 3, recent: 0, hand, deadLetter: (taken) => watch.settled(taken), warn() {} });
    await watch.begin();
    watch.take(seen);
    await turns(5);
    const b = take("b", false, 2, window);
    watch.take(b);
    watch.settled(b);
    assert.deepEqual([handed, looked.filter((content) => content === "b")], [["b"], []]);
    watch.stop();
  });

  it("keeps the order of what waits behind a trial", async () => {
    const world = new World(numbers(60), new Set(["m59"]));
    await world.live();
    world.left = [...numbers(60).slice(0, 30), "new1", "new2"];
    assert.equal(await world.live(), "done");
    assert.deepEqual(world.handed, [...numbers(60).slice(0, 30), "new1", "new2"]);
  });

  it("goes on without marks, with a warning, when they cannot be written", async () => {
    const world = new World(numbers(5), new Set());
    world.disk.broken = true;
    assert.equal(await world.live(), "done");
    assert.match(world.warnings[0] ?? "", /disk full/);
  });

  it("begins anew when its marks cannot be read", async () => {
    const world = new World(numbers(5), new Set());
    world.disk.kept.set("watch", "{");
    assert.equal(await world.live(), "done");
    assert.equal(world.warnings.length, 1);
  });

  it("tries no more messages when those that were in hand must have come", async () => {
    const disk = new Disk();
    await disk.write("watch", { running: true, deaths: {}, inHand: [] });
    const handed: string[] = [];
    const hand = (taken: Taken): unknown => handed.push(String(taken.message.content));
    const watch = new PoisonWatch({ ...queuePoison, store: disk, key: "watch", limit: 2, recent: 50, hand, deadLetter() {}, warn() {} });
    await watch.begin();
    const window = new AckWindow({ ack() {}, nack() {} });
    const first = take("a", true, 1, window);
    watch.take(first);
    await waitFor("the first on trial", () => handed.length === 1);
    watch.settled(first);
    await pause(60);
    for (const content of ["b", "c"]) watch.take(take(content, true, 2, window));
    assert.deepEqual(handed, ["a", "b", "c"]);
    watch.stop();
  });

  it("forgets what waits when its channel is lost, and ends a trial whose messages went with it", async () => {
    const disk = new Disk();
    await disk.write("watch", { running: true, deaths: {}, inHand: [] });
    const handed: string[] = [];
    const watch = new PoisonWatch({ ...queuePoison, store: disk, key: "watch", limit: 2, hand: (taken) => handed.push(String(taken.message.content)), deadLetter() {}, warn() {} });
    await watch.begin();
    const lost = new AckWindow({ ack() {}, nack() {} });
    watch.take(take("a", true, 1, lost));
    watch.take(take("b", true, 2, lost));
    await waitFor("the first on trial", () => handed.length === 1);
    lost.close();
    watch.lost();
    watch.take(take("c", true, 1, new AckWindow({ ack() {}, nack() {} })));
    await waitFor("the next on trial", () => handed.length === 2);
    assert.deepEqual(handed, ["a", "c"]);
    watch.stop();
  });

  it("finds the one over which the process stands still until its channel is lost, as it is tried with others and then alone", async () => {
    const handed: Taken[] = [];
    const dead: string[] = [];
    let still: number | undefined;
    const deadLetter = (_taken: Taken, { message }: ConnectorError): void => void dead.push(message);
    const watch = new PoisonWatch<Taken>({ ...queuePoison, store: new Disk(), key: "watch", limit: 3, trial: 100, hand: (taken) => handed.push(taken), deadLetter, stoodStillUntil: () => still, warn() {} });
    await watch.begin();
    let window = new AckWindow({ ack() {}, nack() {} });
    const standStill = async (): Promise<void> => {
      still = performance.now();
      const busy = handed.find(({ message }) => String(message.content) === "busy") as Taken;
      watch.settled(busy); // its flow has finished as well, before anybody knew of the channel
      await turns(5);
      window.close();
      watch.lost();
      still = undefined;
      handed.length = 0;
      window = new AckWindow({ ack() {}, nack() {} });
    };
    const come = (contents: string[], redelivered = true): void => contents.forEach((content, index) => watch.take(take(content, redelivered, index + 1, window)));
    const inHand = (contents: string[]): Promise<unknown> => waitFor(contents.join(), () => handed.map(({ message }) => String(message.content)).join() === contents.join());

    come(["a", "busy", "b"], false);
    await inHand(["a", "busy", "b"]);
    await standStill();
    come(["a", "busy", "b"]);
    await inHand(["a", "busy", "b"]);
    await standStill();
    come(["a", "busy", "b"]);
    await inHand(["a"]);
    watch.settled(handed[0] as Taken);
    await inHand(["a", "busy"]);
    await standStill();
    come(["busy", "b"]);
    await inHand(["b"]);
    assert.deepEqual(dead, ["The message has kept Node-RED busy until its connection was lost, or ended it, 3 times and is not taken again"]);
    watch.stop();
  });

  it("blames no message for a standstill if the process also stands still without it", async () => {
    const disk = new Disk();
    const seen: string[] = [];
    let still: number | undefined;
    const come = (window: AckWindow): Taken => take("a", true, 1, window);
    const window = new AckWindow({ ack() {}, nack() {} });
    await disk.write("watch", { running: true, deaths: { [queuePoison.fingerprint(come(window))]: { times: 2, alone: 1, stoodStill: true } }, inHand: [] });
    const watch = new PoisonWatch<Taken>({
      ...{ ...queuePoison, store: disk, key: "watch", limit: 3, hand: () => seen.push("flow"), deadLetter: () => seen.push("dead letter") },
      ...{ stoodStillUntil: () => still, warn: (text) => seen.push(text) },
    });
    await watch.begin();
    watch.take(come(window));
    await waitFor("it to be kept back", () => seen.length === 1, { interval: 1 });
    still = performance.now();
    window.close();
    watch.lost();
    await turns(5);
    still = undefined;
    watch.take(come(new AckWindow({ ack() {}, nack() {} })));
    await waitFor("it to be handed over", () => seen.length === 3, { interval: 1 });
    assert.match(seen[0] as string, /^A message seems to have kept Node-RED busy .* 3 times: nothing is handed over for 10 s/);
    assert.match(seen[1] as string, /^Something else than the message that was suspected ends Node-RED, or keeps it busy/);
    assert.equal(seen[2], "flow");
    watch.stop();
  });

  it("keeps a message that is known from the flow, though all was closed in good order before it was safe among the dead letters", async () => {
    const disk = new Disk();
    const seen: string[] = [];
    const live = async (work: (watch: PoisonWatch<Taken>, condemned: Promise<Taken>) => unknown): Promise<void> => {
      let condemn = (_: Taken): void => undefined;
      const condemned = new Promise<Taken>((resolve) => (condemn = resolve));
      const deadLetter = (taken: Taken): void => {
        seen.push("dead letter");
        condemn(taken);
      };
      const watch = new PoisonWatch<Taken>({ ...queuePoison, store: disk, key: "watch", limit: 2, trial: 1_000, hand: () => seen.push("flow"), deadLetter, warn() {} });
      await watch.begin();
      watch.take(take("a", true, 1, new AckWindow({ ack() {}, nack() {} })));
      await work(watch, condemned);
      watch.stop();
    };
    await disk.write("watch", { running: true, deaths: {}, inHand: [] });
    await live(() => waitFor("the trial", () => seen.length === 1));
    for (const settles of [false, true]) {
      await live(async (watch, condemned) => {
        const taken = await condemned;
        if (settles) watch.settled(taken);
        watch.stop();
        await watch.end();
      });
    }
    assert.deepEqual([seen, [...disk.kept]], [["flow", "dead letter", "dead letter"], []]);
  });

  describe("after a process that ended without closing", () => {
    let disk: Disk;
    let handed: string[];
    let window: AckWindow;
    let watch: PoisonWatch<Taken>;
    beforeEach(async () => {
      disk = new Disk();
      await disk.write("watch", { running: true, deaths: {}, inHand: [] });
      handed = [];
      window = new AckWindow({ ack() {}, nack() {} });
    });
    afterEach(() => watch.stop());

    async function begin(more: Partial<PoisonWatchOptions<Taken>>): Promise<void> {
      const hand = (taken: Taken): unknown => handed.push(String(taken.message.content));
      watch = new PoisonWatch({ ...queuePoison, store: disk, key: "watch", limit: 3, hand, deadLetter() {}, warn() {}, ...more });
      await watch.begin();
    }

    it("tries the first messages and lets the backlog after them through, although a stream cannot tell which messages it sends again", async () => {
      await begin({ suspects: () => true, recent: 50, limit: 2 });
      const [first, second] = [take("a", false, 1, window), take("b", false, 2, window)];
      for (const taken of [first, second]) watch.take(taken);
      await waitFor("the first on trial", () => handed.length === 1);
      await pause(60);
      numbers(100).forEach((content, index) => watch.take(take(content, false, index + 3, window)));
      watch.settled(first);
      await waitFor("the second on trial", () => handed.length > 1);
      assert.deepEqual(handed, ["a", "b"]);
      watch.settled(second);
      await waitFor("the backlog", () => handed.length === 102, { timeout: 5_000 });
      assert.deepEqual(handed, ["a", "b", ...numbers(100)]);
    });

    it("notes that a trial is over, though others wait behind it", async () => {
      await begin({});
      const first = take("a", true, 1, window);
      watch.take(first);
      await waitFor("the first on trial", () => handed.length === 1);
      watch.take(take("b", false, 2, window));
      watch.settled(first);
      await waitFor("the other", () => handed.length === 2);
      assert.deepEqual(await disk.read("watch"), { running: true, deaths: {}, inHand: [], letGo: {} });
    });

    it("hands over nothing during a pause that waits behind a trial, and goes on after the pause", async () => {
      await begin({ limit: 2 });
      const first = take("a", true, 1, window);
      watch.take(first);
      await waitFor("the first on trial", () => handed.length === 1);
      const second = take("b", true, 2, window);
      for (const taken of [second, take("c", false, 3, window)]) watch.take(taken);
      watch.pause();
      watch.settled(first);
      await turns(50);
      assert.deepEqual(handed, ["a"]);
      watch.resume();
      await waitFor("the second on trial", () => handed.length === 2);
      watch.settled(second);
      await waitFor("the last", () => handed.length === 3);
      assert.deepEqual(handed, ["a", "b", "c"]);
    });

    it("gives back, when it is told to, what waits behind a trial, and keeps what is on trial", async () => {
      await begin({ limit: 2 });
      for (const taken of [take("a", true, 1, window), take("b", true, 2, window), take("c", false, 3, window)]) watch.take(taken);
      await waitFor("the first on trial", () => handed.length === 1);
      watch.giveBack();
      assert.deepEqual([1, 2, 3].map((tag) => window.holds(tag)), [true, false, false]);
    });

    it("hands nothing over of a channel that was lost while the mark was written", async () => {
      await begin({});
      const write = disk.write.bind(disk);
      let written = (): void => undefined;
      disk.write = (key, value) => new Promise<void>((resolve) => (written = resolve)).then(() => write(key, value));
      watch.take(take("a", true, 1, window));
      await turns(5);
      window.close();
      watch.lost();
      disk.write = write;
      written();
      await turns(50);
      assert.deepEqual(handed, []);
      const again = take("a", true, 1, new AckWindow({ ack() {}, nack() {} }));
      watch.take(again);
      await waitFor("it on trial", () => handed.length === 1);
    });
  });
});
