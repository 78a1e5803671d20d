import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { CrashGuard } from "../../../nodes/sql/write/crash-guard";

describe("The search for the message that crashes the driver", () => {
  /** A process that dies of "poison" with all that is in its hands; anything else takes it longer. */
  class Process {
    private readonly atWork = new Set<(error: ConnectorError) => void>();

    store(items: string[]): Promise<string[]> {
      return new Promise((resolve, reject) => {
        this.atWork.add(reject);
        if (items.includes("poison")) setImmediate(() => this.die());
        else setTimeout(() => this.atWork.delete(reject) && resolve(items.map(() => "stored")), 3);
      });
    }

    private die(): void {
      const requests = this.atWork.size;
      for (const reject of this.atWork) reject(new ConnectorError("DATABASE_UNAVAILABLE", "it ended", { details: { ended: "SIGSEGV", requests } }));
      this.atWork.clear();
    }
  }

  const persist = async (guard: CrashGuard<string, string>, items: string[]): Promise<string[]> => {
    for (;;) {
      const outcomes = await guard.write(items).catch(() => undefined);
      if (outcomes) return outcomes;
    }
  };

  it("blames no other message that was being written when the process ended, of this node or another", async () => {
    const child = new Process();
    const guard = (): CrashGuard<string, string> => new CrashGuard(child, (items) => child.store(items), ({ code }) => code);
    const [one, other] = [guard(), guard()];
    const told = await Promise.all([persist(one, ["a", "b"]), persist(one, ["poison", "c"]), persist(other, ["d", "e"]), persist(one, ["f"])]);
    assert.deepEqual(told, [["stored", "stored"], ["ROW_REFUSED", "stored"], ["stored", "stored"], ["stored"]]);
  });

  it("repeats as little as possible of what was committed before the crash", async () => {
    const committed: string[] = [];
    const one = (item: string): string => {
      if (item === "poison") throw new ConnectorError("DATABASE_UNAVAILABLE", "it ended", { details: { ended: "SIGSEGV", requests: 1 } });
      committed.push(item);
      return "stored";
    };
    const guard = new CrashGuard<string, string>({}, (items) => Promise.resolve().then(() => items.map(one)), ({ code }) => code, 1);
    assert.deepEqual(await persist(guard, ["a", "b", "poison", "c"]), ["stored", "stored", "ROW_REFUSED", "stored"]);
    assert.equal(committed.join(" "), "a b a b c");
  });
});
