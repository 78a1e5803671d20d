import { ConnectorError } from "../../../nodes/common/errors";
import type { ReadDef } from "../../../nodes/sql/read/settings";
import { ENGINES, type TestEngine } from "../client/engines";
import { PollBench, settle, type Sent } from "./poll-support";

export const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
export const BY_ID: Partial<ReadDef> = { watermarkColumn: "changed", keyColumn: "id" };
export const accept = (message: Sent): void => settle(message, "accept");
export const idOf = (message: Sent): number => (message.payload as { id: number }).id;

/** A table `t (id, changed, device)` of the embedded SQLite, made anew for each test of the suite that makes this, and pollers on it. */
export class WatermarkSuite {
  engine!: TestEngine;
  bench!: PollBench;

  constructor() {
    before(async () => {
      this.engine = await (ENGINES[0] as (typeof ENGINES)[0]).start();
      this.bench = new PollBench(this.engine);
      await this.bench.database.ping();
    });
    after(async () => {
      await this.bench.end();
      this.engine.close();
    });
    beforeEach(() => this.engine.execute("drop table if exists t; create table t (id integer primary key, changed integer, device text)"));
    afterEach(() => this.bench.closeAll());
  }

  /** Rows with these ids, whose watermark is the id too, or given. */
  insert(ids: number[], changed = (id: number): number => id): Promise<void> {
    return this.engine.execute(ids.map((id) => `insert into t values (${id}, ${changed(id)}, 'press')`).join("; "));
  }
}
