import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { type ErrorData, isErrorData, type PlainValue, type RowOutcome, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { RowMapper } from "../../../nodes/sql/client/row-mapper";
import { ENGINES, type TestEngine } from "./engines";

type Fields = Record<string, PlainValue | object | undefined>;

let tables = 0;

const refused = (outcome: RowOutcome | undefined): ErrorData | undefined => (isErrorData(outcome) ? outcome : undefined);

for (const { name, types, start } of ENGINES) {
  describe(`sql write on ${name}`, function () {
    this.timeout(90_000);
    let engine: TestEngine;
    let client: DatabaseClient;
    let table: string;

    before(async () => {
      engine = await start();
      client = new DatabaseClient(engine.options);
    });
    beforeEach(async () => {
      tables += 1;
      table = `conformance_${process.pid}_${tables}`;
      await engine.execute(`create table ${table} (id bigint primary key, name varchar(20) not null, note ${types.text})`);
    });
    after(async () => {
      await client.close();
      engine.close();
    });

    /** As the write node does it: each message's payload becomes a row. */
    const request = (rows: Fields[], options: Partial<WriteRequest> = {}): WriteRequest => {
      const { mode = "insert", keys = [] } = options;
      const mapper = new RowMapper({ table, mode, keys, columns: [] });
      return { table, mode, keys, mapped: false, rows: rows.map((payload) => mapper.row({ payload }) as never), ...options };
    };
    const insert = (rows: Fields[], options?: Partial<WriteRequest>): Promise<RowOutcome[]> => client.write(request(rows, options));
    const upsert = (rows: Fields[], keys = ["id"]): Promise<RowOutcome[]> => client.write(request(rows, { mode: "upsert", keys }));
    const count = async (): Promise<number> => Number((await engine.rows(`select count(*) as n from ${table}`))[0]?.["n"]);
    const people = (from: number, to: number): Fields[] => Array.from({ length: to - from }, (_, index) => ({ id: from + index, name: `n${from + index}` }));

    it("inserts a batch and says of each row that it is committed", async () => {
      assert.deepEqual(await insert(people(0, 100)), new Array(100).fill(null));
      assert.equal(await count(), 100);
      assert.deepEqual(await engine.rows(`select id, name, note from ${table} where id = 7`), [{ id: "7", name: "n7", note: null }]);
    });

    it("updates the rows an upsert finds, adds the others, and leaves what is not in the message", async () => {
      await insert([{ id: 1, name: "one", note: "kept" }]);
      assert.deepEqual(await upsert([{ id: 1, name: "uno" }, { id: 2, name: "two", note: "new" }]), [null, null]);
      assert.deepEqual(await engine.rows(`select id, name, note from ${table} order by id`), [
        { id: "1", name: "uno", note: "kept" },
        { id: "2", name: "two", note: "new" },
      ]);
    });

    it("leaves 99 rows and one error that names the problem when one of 100 is bad", async () => {
      const rows = people(0, 100);
      rows[42] = { id: 42, name: null };
      const outcomes = await insert(rows);
      const bad = outcomes.filter((outcome) => outcome !== null);
      assert.equal(bad.length, 1);
      assert.equal(refused(outcomes[42])?.code, "ROW_REFUSED");
      assert.equal(refused(outcomes[42])?.scope, "message");
      assert.equal(refused(outcomes[42])?.retryable, false);
      assert.match(refused(outcomes[42])?.text ?? "", /name/);
      assert.equal(await count(), 99);
    });

    it("refuses a key that is there, and only that", async () => {
      await insert(people(0, 3));
      const outcomes = await insert(people(2, 6));
      assert.deepEqual(outcomes.map((outcome) => refused(outcome)?.code ?? "ok"), ["ROW_REFUSED", "ok", "ok", "ok"]);
      assert.equal(await count(), 6);
    });

    it("brings every type back as it was sent", async () => {
      await engine.execute(
        `create table ${table}_types (id bigint primary key, big ${types.bigint}, exact ${types.decimal}, yes ${types.boolean}, no ${types.boolean}, ` +
          `moment ${types.instant}, said ${types.instant}, doc ${types.json}, raw ${types.bytes}, words ${types.text}, blank ${types.text}, ratio double precision)`,
      );
      const words = `5000 characters with 'quotes', "more", \\ and ü😀 ${"x".repeat(4950)}`;
      const row = {
        id: 1,
        big: 9007199254740993n,
        exact: "123456789012345678901.123456789",
        yes: true,
        no: false,
        moment: new Date("2026-11-21T10:11:12.123Z"),
        said: "2026-11-21T12:11:12.123456+02:00",
        doc: { list: [1, "zwei", null], deep: { är: true } },
        raw: Buffer.from([0, 1, 254, 255]),
        words,
        blank: null,
        ratio: 0.1,
      };
      const mapper = new RowMapper({ table: `${table}_types`, mode: "insert", keys: [], columns: [] });
      const outcomes = await client.write({ ...request([]), table: `${table}_types`, rows: [mapper.row({ payload: row }) as never] });
      assert.deepEqual(outcomes, [null]);
      const rawColumn = name.startsWith("MariaDB") ? "lower(hex(raw)) as raw" : "raw";
      const [found] = await engine.rows(
        `select big, exact, yes, no, moment, said, doc, ${rawColumn}, words, blank, ratio from ${table}_types`,
      );
      const isTrue = (value: string | null | undefined): boolean => value === "true" || value === "1";
      assert.equal(found?.["big"], "9007199254740993");
      assert.equal(found["exact"], "123456789012345678901.123456789");
      assert.equal(isTrue(found["yes"]), true);
      assert.equal(isTrue(found["no"]), false);
      const instant = (value: string | null | undefined): string => new Date(/[Z+]/.test(value ?? "") ? (value ?? "") : `${value}Z`).toISOString();
      assert.equal(instant(found["moment"]), "2026-11-21T10:11:12.123Z");
      assert.equal(instant(found["said"]), "2026-11-21T10:11:12.123Z");
      assert.deepEqual(JSON.parse(found["doc"] ?? ""), row.doc);
      assert.equal(found["raw"], "0001feff");
      assert.equal(found["words"], words);
      assert.equal(found["blank"], null);
      assert.equal(Number(found["ratio"]), 0.1);
    });

    it("writes rows of different shapes from one batch", async () => {
      const outcomes = await insert([{ id: 1, name: "a" }, { name: "b", id: 2, note: "b" }, { id: 3, name: "c" }, { id: 4, name: "d", note: undefined }]);
      assert.deepEqual(outcomes, [null, null, null, null]);
      assert.deepEqual(await engine.rows(`select note from ${table} order by id`), [{ note: null }, { note: "b" }, { note: null }, { note: null }]);
    });

    it("finds a column by another case, and fails only the message whose payload has an unknown one", async () => {
      const outcomes = await insert([{ ID: 1, Name: "a" }, { id: 2, name: "b", colour: "red" }]);
      assert.equal(outcomes[0], null);
      assert.equal(refused(outcomes[1])?.code, "TABLE_UNKNOWN");
      assert.equal(refused(outcomes[1])?.scope, "message");
      assert.match(refused(outcomes[1])?.text ?? "", /"colour"/);
    });

    it("holds everything when the table or a mapped column is missing, by name", async () => {
      const system = (pattern: RegExp) => (error: unknown) =>
        isConnectorError(error) && error.code === "TABLE_UNKNOWN" && error.scope === "system" && pattern.test(error.message);
      await assert.rejects(insert(people(0, 2), { table: "no_such_table" }), system(/no_such_table/));
      await assert.rejects(insert([{ id: 1, colour: "red" }], { mapped: true }), system(/"colour"/));
      await engine.execute(`alter table ${table} rename to ${table}_moved`);
      await insert(people(0, 1), { table: `${table}_moved` });
      await engine.execute(`drop table ${table}_moved`);
      await assert.rejects(insert(people(1, 2), { table: `${table}_moved` }), system(/_moved/));
    });

    it("refuses an upsert over columns that are no key", async () => {
      await assert.rejects(upsert(people(0, 1), ["name"]), (error) => isConnectorError(error) && error.code === "NOT_CONFIGURED" && error.scope === "system");
      assert.equal(await count(), 0);
    });

    it("takes names with quotes, spaces and key words for names", async () => {
      const quote = name.startsWith("MariaDB") ? "`" : '"';
      const q = (text: string): string => quote + text.replaceAll(quote, quote + quote) + quote;
      const odd = `${table} order; drop table ${table}`;
      await engine.execute(`create table ${q(odd)} (${q("select")} bigint primary key, ${q("it's; --")} varchar(50))`);
      const outcomes = await insert([{ select: 1, "it's; --": "'); drop table x; --" }], { table: `"${odd}"` });
      assert.deepEqual(outcomes, [null]);
      assert.deepEqual(await engine.rows(`select ${q("it's; --")} as v from ${q(odd)}`), [{ v: "'); drop table x; --" }]);
      assert.equal(await count(), 0);
    });

    it("writes several batches at once", async () => {
      const batches = await Promise.all(Array.from({ length: 10 }, (_, index) => insert(people(index * 100, index * 100 + 100))));
      assert.ok(batches.flat().every((outcome) => outcome === null));
      assert.equal(await count(), 1000);
    });

    it("splits what has more than 32,767 parameters, rather than abort", async () => {
      const { pid } = client;
      const outcomes = await insert(people(0, 16_600).map((row) => ({ ...row, note: "x" })));
      assert.ok(outcomes.every((outcome) => outcome === null));
      assert.equal(await count(), 16_600);
      assert.equal(client.pid, pid);
    });

    it("writes again after its process was killed in a batch", async () => {
      await insert(people(0, 1));
      const writing = insert(people(1, 8000).map((row) => ({ ...row, note: "x".repeat(500) })));
      process.kill(client.pid ?? 0, "SIGKILL");
      await assert.rejects(writing, (error) => isConnectorError(error) && error.code === "DATABASE_UNAVAILABLE" && /SIGKILL/.test(error.message));
      assert.deepEqual(await upsert(people(1, 500)), new Array(499).fill(null));
    });
  });
}
