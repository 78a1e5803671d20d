import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { type ErrorData, isErrorData, type PlainValue, type RowOutcome, type WriteMode, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { RowMapper } from "../../../nodes/sql/client/row-mapper";
import { ENGINES, type TestEngine } from "./engines";

type Fields = Record<string, PlainValue | object | undefined>;

let tables = 0;

/** What became of each row, for one look: how many rows it touched, "dup", or the code of its error. */
const told = (outcomes: RowOutcome[]): (number | string)[] =>
  outcomes.map((outcome) => (isErrorData(outcome) ? outcome.code : outcome?.duplicate ? "dup" : (outcome?.rowsAffected ?? 1)));
const errorOf = (outcome: RowOutcome | undefined): ErrorData | undefined => (isErrorData(outcome) ? outcome : undefined);

for (const { name, types, start } of ENGINES) {
  describe(`The modes of sql write on ${name}`, function () {
    this.timeout(60_000);
    let engine: TestEngine;
    let client: DatabaseClient;
    let table: string;

    before(async () => {
      engine = await start();
      client = new DatabaseClient(engine.options);
    });
    beforeEach(async () => {
      tables += 1;
      table = `modes_${process.pid}_${tables}`;
      await engine.execute(`create table ${table} (id bigint primary key, name varchar(20) not null, note ${types.text}, code varchar(20) unique)`);
      await engine.execute(`insert into ${table} (id, name, note, code) values (1, 'one', 'kept', 'c1'), (2, 'two', 'kept', 'c2'), (3, 'three', 'kept', 'c3')`);
    });
    after(async () => {
      await client.close();
      engine.close();
    });

    const write = async (mode: WriteMode, rows: Fields[], options: Partial<WriteRequest> & { ids?: string[] } = {}): Promise<RowOutcome[]> => {
      const { ids, ...more } = options;
      const keys = more.keys ?? (mode === "insert" ? [] : ["id"]);
      const mapper = new RowMapper({ table, mode, keys, columns: [] });
      const mapped = rows.map((payload, index) => ({ ...(mapper.row({ payload }) as WriteRequest["rows"][number]), ...(ids ? { id: ids[index] as string } : {}) }));
      return client.write({ table, mode, keys, mapped: false, rows: mapped, ...more });
    };
    const stored = async (): Promise<string[]> =>
      (await engine.rows(`select id, name, note from ${table} order by id`)).map(({ id, name: called, note }) => `${id} ${called} ${note}`);
    const count = async (from: string): Promise<number> => Number((await engine.rows(`select count(*) as n from ${from}`))[0]?.["n"]);

    if (name.startsWith("PostgreSQL")) {
      it("keeps the instant of a time in a column that has just lost its zone", async () => {
        await engine.execute(`create table ${table}_at (at timestamptz)`);
        const at = (): Promise<RowOutcome[]> => write("insert", [{ at: "2026-11-21T12:11:12.123456+02:00" }], { table: `${table}_at` });
        assert.deepEqual(told(await at()), [1]);
        await engine.execute(`alter table ${table}_at alter at type timestamp using at at time zone 'UTC'`);
        assert.deepEqual(told(await at()), [1]);
        assert.deepEqual(await engine.rows(`select distinct cast(at as text) as at from ${table}_at`), [{ at: "2026-11-21 10:11:12.123456" }]);
      });

      it("fails only the row whose bytes would become text of their digits", async () => {
        assert.deepEqual(told(await write("insert", [{ id: 4, name: Buffer.from("four") }, { id: 5, name: "five" }])), ["INPUT_INVALID", 1]);
        assert.deepEqual((await stored()).slice(3), ["5 five null"]);
      });
    }

    if (name.startsWith("MariaDB")) {
      it("upserts by several columns if a backslash is a letter like any other", async () => {
        await engine.execute(`create table ${table}_two (plant int, device int, number int, primary key (plant, device))`);
        const plain = new DatabaseClient({ ...engine.options, connectionString: `${engine.options.connectionString};INITSTMT={set sql_mode = 'NO_BACKSLASH_ESCAPES'}` });
        const rows = [1, 2].map((number) => ({ columns: ["plant", "device", "number"], values: [7, 7, number] }));
        for (const row of rows) assert.deepEqual(told(await plain.write({ table: `${table}_two`, mode: "upsert", keys: ["plant", "device"], mapped: false, rows: [row] })), [1]);
        await plain.close();
        assert.deepEqual(await engine.rows(`select number from ${table}_two`), [{ number: "2" }]);
      });

      it("stores numbers as the words of an enum that look like them, and numbers of any kind as bits", async () => {
        await engine.execute(`create table ${table}_odd (id int primary key, word enum('0', '1', 'two'), few bit(8), many bit(64))`);
        const odd = (rows: Fields[]): Promise<RowOutcome[]> => write("insert", rows, { table: `${table}_odd` });
        assert.deepEqual(told(await odd([{ id: 1, word: 1, few: 5, many: 2n ** 63n }, { id: 2, word: true, few: 7n, many: 7 }, { id: 3, word: "0", few: "1", many: Buffer.from([1, 0]) }, { id: 4, few: true, many: "0" }])), [1, 1, 1, 1]);
        assert.deepEqual(told(await odd([{ id: 5, few: "5" }, { id: 6, word: 7 }, { id: 7, few: 256 }, { id: 8, word: "two" }, { id: 9, many: 2n ** 64n }])), ["INPUT_INVALID", "ROW_REFUSED", "ROW_REFUSED", 1, "INPUT_INVALID"]);
        const found = await engine.rows(`select concat_ws(' ', id, word, few + 0, many + 0) as is_now from ${table}_odd order by id`);
        assert.deepEqual(found.map(({ is_now }) => is_now), ["1 1 5 9223372036854775808", "2 1 7 7", "3 0 1 256", "4 1 0", "8 two"]);
        assert.deepEqual(told(await write("update", [{ many: 7n, id: 20 }], { table: `${table}_odd`, keys: ["many"] })), [1]);
        assert.deepEqual(await engine.rows(`select id from ${table}_odd where many = 7`), [{ id: "20" }]);
      });

      it("upserts by a key over the beginning of a text, and fails only the row whose beginning another has", async () => {
        await engine.execute(`create table ${table}_part (text varchar(20), number int, unique (text(3)))`);
        const rows = [{ text: "abc one", number: 1 }, { text: "abc two", number: 2 }, { text: "xyz", number: 3 }, { text: "abc one", number: 4 }];
        assert.deepEqual(told(await write("upsert", rows, { table: `${table}_part`, keys: ["text"] })), [1, "ROW_REFUSED", 1, 1]);
        assert.deepEqual(await engine.rows(`select text, number from ${table}_part order by text`), [{ text: "abc one", number: "4" }, { text: "xyz", number: "3" }]);
      });
    }

    it("fails only the row of an upsert that has another unique key of another row, and says which", async () => {
      const rows = [{ id: 1, name: "eins", code: "c1" }, { id: 9, name: "neun", code: "c2" }, { id: 4, name: "vier", code: "c4" }, { id: 2, name: "zwei" }, { id: 3, name: "drei", code: "c5" }, { id: 4, name: "four", code: null }];
      const outcomes = await write("upsert", rows);
      assert.deepEqual(told(outcomes), [1, "ROW_REFUSED", 1, 1, 1, 1]);
      assert.match(errorOf(outcomes[1])?.text ?? "", /upsert into .*code/);
      assert.equal(errorOf(outcomes[1])?.retryable, false);
      assert.deepEqual(await stored(), ["1 eins kept", "2 zwei kept", "3 drei kept", "4 four null"]);
      assert.deepEqual(told(await write("upsert", [{ id: 1, name: "x", code: "c2" }, { code: "c1", id: 1, name: "one" }, { id: 7, name: "seven", code: "c7" }], { keys: ["code"] })), ["ROW_REFUSED", 1, 1]);
      const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
      const known = (code: string): Promise<RowOutcome[]> => write("upsert", [{ id: 8, name: "eight", code }, { id: 10, name: "ten", code: "c10" }], { inbox, ids: ["m8", "m10"] });
      assert.deepEqual(told(await known("c2")), ["ROW_REFUSED", 1]);
      assert.deepEqual(told(await known("c8")), [1, "dup"]);
      assert.deepEqual(await stored(), ["1 one kept", "2 zwei kept", "3 drei kept", "4 four null", "7 seven null", "8 eight null", "10 ten null"]);
    });

    it("blames no row while the table is away, as when it is made anew, in any mode", async () => {
      for (const mode of ["insert", "upsert", "update", "ignore", "delete"] as const) {
        await write(mode, [{ id: 4, name: "four" }]);
        await engine.execute(`alter table ${table} rename to ${table}_away`);
        await assert.rejects(write(mode, [{ id: 5, name: "five" }]), { code: "TABLE_UNKNOWN", scope: "system" }, mode);
        await engine.execute(`alter table ${table}_away rename to ${table}`);
      }
    });

    it("updates what the key finds, and tells of each row whether it found one", async () => {
      assert.deepEqual(told(await write("update", [{ id: 3, name: "drei" }, { id: 9, name: "neun" }, { id: 1, name: "eins" }])), [1, 0, 1]);
      assert.deepEqual(await stored(), ["1 eins kept", "2 two kept", "3 drei kept"]);
    });

    it("counts a row that an update finds as it already is", async () => {
      assert.deepEqual(told(await write("update", [{ id: 1, name: "one" }, { id: 2, name: "two" }])), [1, 1]);
      assert.deepEqual(told(await write("update", [{ id: 1, name: "one" }], { zeroRowsIsError: true })), [1]);
    });

    it("updates by several columns, and all rows that they find", async () => {
      assert.deepEqual(told(await write("update", [{ note: "kept", name: "two", code: "x" }, { note: "kept", name: "none", code: "y" }], { keys: ["note", "name"] })), [1, 0]);
      assert.deepEqual(told(await write("update", [{ note: "kept", name: "same" }], { keys: ["note"] })), [3]);
    });

    it("finds big integers and decimals by their exact value", async () => {
      await engine.execute(`insert into ${table} (id, name) values (9007199254740992, 'a'), (9007199254740993, 'b')`);
      assert.deepEqual(told(await write("update", [{ id: 9007199254740993n, name: "big" }])), [1]);
      assert.deepEqual(told(await write("delete", [{ id: "9007199254740992" }])), [1]);
      assert.deepEqual((await stored()).slice(3), ["9007199254740993 big null"]);
    });

    it("deletes what the key finds, whatever else the message says", async () => {
      assert.deepEqual(told(await write("delete", [{ id: 1 }, { id: 9, colour: "red" }, { id: 3, name: "three" }])), [1, 0, 1]);
      assert.deepEqual(await stored(), ["2 two kept"]);
    });

    it("makes an error of a row that finds none when it is asked to, and of no other", async () => {
      for (const mode of ["update", "delete"] as const) {
        const outcomes = await write(mode, [{ id: 1, name: "x" }, { id: 9, name: "y" }, { id: 2, name: "z" }], { zeroRowsIsError: true });
        assert.deepEqual(told(outcomes), [1, "ROW_MISSING", 1]);
        assert.equal(errorOf(outcomes[1])?.retryable, true);
        assert.match(errorOf(outcomes[1])?.text ?? "", new RegExp(`${mode} of ${table}`));
      }
      assert.deepEqual(await stored(), ["3 three kept"]);
    });

    it("fails only the row that an update cannot change", async () => {
      const rows = [{ id: 1, name: "a" }, { id: 2, name: null }, { id: 3, name: "c" }];
      const outcomes = await write("update", rows);
      assert.deepEqual(told(outcomes), [1, "ROW_REFUSED", 1]);
      assert.match(errorOf(outcomes[1])?.text ?? "", /name/);
      assert.deepEqual(await stored(), ["1 a kept", "2 two kept", "3 c kept"]);
    });

    it("ignores a row that is there, adds the others, and tells which", async () => {
      const rows = [{ id: 1, name: "x" }, { id: 4, name: "four" }, { id: 2, name: "y" }, { id: 5, name: null }];
      assert.deepEqual(told(await write("ignore", rows)), [0, 1, 0, "ROW_REFUSED"]);
      assert.deepEqual(told(await write("ignore", [{ id: 6, name: "six" }, { id: 7, name: "seven" }])), [1, 1]);
      assert.deepEqual(await stored(), ["1 one kept", "2 two kept", "3 three kept", "4 four null", "6 six null", "7 seven null"]);
    });

    it("fails only the row that has another unique key of a row that is there, where the named one is not", async () => {
      const rows = [{ id: 1, name: "x", code: "c9" }, { id: 9, name: "neun", code: "c2" }, { id: 4, name: "four", code: "c4" }, { id: 3, name: "y", code: "c3" }, { id: 5, name: "five" }];
      const outcomes = await write("ignore", rows);
      assert.deepEqual(told(outcomes), [0, "ROW_REFUSED", 1, 0, 1]);
      assert.match(errorOf(outcomes[1])?.text ?? "", /ignore into .*code/);
      assert.deepEqual(told(await write("ignore", rows.slice(1, 2))), ["ROW_REFUSED"]);
      const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
      assert.deepEqual(told(await write("ignore", rows.slice(0, 2), { inbox, ids: ["m1", "m2"] })), [0, "ROW_REFUSED"]);
      const many = Array.from({ length: 60 }, (_each, index) => ({ id: 100 + index, name: "many", code: index === 40 ? "c1" : `m${index}` }));
      assert.deepEqual(told(await write("ignore", many)).map((each, index) => (each === 1 ? -1 : index)).filter((index) => index >= 0), [40]);
      assert.deepEqual((await stored()).slice(0, 5), ["1 one kept", "2 two kept", "3 three kept", "4 four null", "5 five null"]);
    });

    it("ignores by any unique key when none is named", async () => {
      assert.deepEqual(told(await write("ignore", [{ id: 8, name: "x", code: "c1" }, { id: 3, name: "y", code: "c8" }], { keys: [] })), [0, 0]);
      assert.equal((await stored()).length, 3);
    });

    it("counts a duplicate as done when it is asked to, and nothing else", async () => {
      await engine.execute(`create table ${table}_child (id bigint primary key, parent bigint not null references ${table} (id))`);
      const rows = [{ id: 1, name: "x" }, { id: 4, name: "four" }, { id: 5, name: null }, { id: 6, name: "six", code: "c2" }];
      assert.deepEqual(told(await write("insert", rows, { duplicateIsSuccess: true })), ["dup", 1, "ROW_REFUSED", "dup"]);
      assert.deepEqual(told(await write("insert", rows)), ["ROW_REFUSED", "ROW_REFUSED", "ROW_REFUSED", "ROW_REFUSED"]);
      const children = [{ id: 1, parent: 1 }, { id: 2, parent: 77 }, { id: 1, parent: 1 }];
      assert.deepEqual(told(await write("insert", children, { table: `${table}_child`, duplicateIsSuccess: true })), [1, "ROW_REFUSED", "dup"]);
      await engine.execute(`drop table ${table}_child`);
    });

    it("counts duplicates as done where all are there, where some are, and where other rows are refused", async () => {
      const people = (...numbers: number[]): Fields[] => numbers.map((id) => ({ id, name: `n${id}` }));
      const insert = async (rows: Fields[]): Promise<(number | string)[]> => told(await write("insert", rows, { duplicateIsSuccess: true }));
      assert.deepEqual(await insert(people(1, 2, 3)), ["dup", "dup", "dup"]);
      assert.deepEqual(await insert(people(4, 4, 3, 5, 1, 6)), [1, "dup", "dup", 1, "dup", 1]);
      assert.deepEqual(await insert([...people(4, 7), { id: 8, name: null }, ...people(5, 9), { id: 9, name: null }]), ["dup", 1, "ROW_REFUSED", "dup", 1, "ROW_REFUSED"]);
      assert.deepEqual((await stored()).map((row) => row.split(" ", 1)[0]), ["1", "2", "3", "4", "5", "6", "7", "9"]);
    });

    if (name.startsWith("PostgreSQL")) {
      it("counts duplicates of a deferrable key as done, which no `on conflict` takes", async () => {
        await engine.execute(`alter table ${table} drop constraint ${table}_pkey, add primary key (id) deferrable`);
        assert.deepEqual(told(await write("insert", [{ id: 1, name: "x" }, { id: 4, name: "four" }, { id: 2, name: "y" }], { duplicateIsSuccess: true })), ["dup", 1, "dup"]);
      });
    }

    describe("with an inbox", () => {
      const inbox = { table: "surewire_inbox", owner: "node-1", days: 30 };
      let ids: (...numbers: number[]) => string[];

      before(async () => engine.execute("drop table if exists surewire_inbox"));
      after(async () => engine.execute("drop table if exists surewire_inbox"));
      beforeEach(() => (ids = (...numbers) => numbers.map((number) => `${table}-${number}`)));

      const people = (...numbers: number[]): Fields[] => numbers.map((id) => ({ id, name: `n${id}` }));

      it("makes the table, and writes nothing for a message that is stored", async () => {
        await engine.execute("drop table if exists surewire_inbox");
        assert.deepEqual(told(await write("insert", people(4, 5), { inbox, ids: ids(4, 5) })), [1, 1]);
        assert.deepEqual(told(await write("insert", people(4, 6, 5), { inbox, ids: ids(4, 6, 5) })), ["dup", 1, "dup"]);
        assert.deepEqual(told(await write("update", [{ id: 4, name: "new" }], { inbox, ids: ids(4) })), ["dup"]);
        assert.deepEqual((await stored()).slice(3), ["4 n4 null", "5 n5 null", "6 n6 null"]);
      });

      it("writes a message that is twice in one batch once", async () => {
        assert.deepEqual(told(await write("insert", people(4, 5, 4), { inbox, ids: ids(4, 5, 4) })), [1, 1, "dup"]);
      });

      it("forgets the id of a row that was refused, and of one that found nothing", async () => {
        const rows = people(4, 5, 6);
        (rows[1] as Fields)["name"] = null;
        assert.deepEqual(told(await write("insert", rows, { inbox, ids: ids(4, 5, 6) })), [1, "ROW_REFUSED", 1]);
        assert.deepEqual(told(await write("insert", people(5), { inbox, ids: ids(5) })), [1]);
        assert.deepEqual(told(await write("update", [{ id: 1, name: "a" }, { id: 77, name: "b" }], { inbox, ids: ids(1, 77), zeroRowsIsError: true })), [1, "ROW_MISSING"]);
        await engine.execute(`insert into ${table} (id, name) values (77, 'late')`);
        assert.deepEqual(told(await write("update", [{ id: 77, name: "b" }], { inbox, ids: ids(77), zeroRowsIsError: true })), [1]);
      });

      it("finds the row at fault behind one that is stored already", async () => {
        await write("update", [{ id: 1, name: "one" }], { inbox, ids: ids(1) });
        const rows = [{ id: 1, name: "again" }, { id: 2, name: "good" }, { id: 3, name: null }];
        assert.deepEqual(told(await write("update", rows, { inbox, ids: ids(1, 2, 3) })), ["dup", 1, "ROW_REFUSED"]);
        assert.deepEqual(await stored(), ["1 one kept", "2 good kept", "3 three kept"]);
        assert.deepEqual(told(await write("update", rows.slice(1), { inbox, ids: ids(2, 3) })), ["dup", "ROW_REFUSED"]);
      });

      it("keeps ids of two nodes apart, and those that differ in case or in spaces at the end", async () => {
        assert.deepEqual(told(await write("insert", people(4, 5), { inbox, ids: ["Case", "case"] })), [1, 1]);
        assert.deepEqual(told(await write("upsert", people(4), { inbox: { ...inbox, owner: "node-2" }, ids: ["Case"] })), [1]);
      });

      it("lets only one of two processes write the same messages", async () => {
        const other = new DatabaseClient(engine.options);
        const rows = people(...Array.from({ length: 40 }, (_, index) => index + 10));
        const names = ids(...rows.map(({ id }) => id as number));
        const mapper = new RowMapper({ table, mode: "upsert", keys: ["id"], columns: [] });
        const request = (): WriteRequest => ({
          table, mode: "upsert", keys: ["id"], mapped: false, inbox,
          rows: rows.map((payload, index) => ({ ...(mapper.row({ payload }) as WriteRequest["rows"][number]), id: names[index] as string })),
        });
        const persist = async (who: DatabaseClient): Promise<(string | number)[]> => {
          for (;;) {
            const outcomes = told(await who.write(request()));
            if (!outcomes.includes("DATABASE_BUSY")) return outcomes;
          }
        };
        const [ours, theirs] = await Promise.all([persist(client), persist(other)]);
        for (const [index] of rows.entries()) assert.deepEqual([ours[index], theirs[index]].map(String).sort(), ["1", "dup"]);
        await other.close();
      });

      it("deletes ids that are too old", async () => {
        const past = types.instant === "text" ? "'2020-01-01 00:00:00'" : "timestamp '2020-01-01 00:00:00'";
        await engine.execute(`delete from surewire_inbox`);
        await engine.execute(`insert into surewire_inbox (node, id, stored_at) values ('node-1', 'old', ${past})`);
        const fresh = new DatabaseClient(engine.options); // one that has not looked for old ids yet
        const mapper = new RowMapper({ table, mode: "insert", keys: [], columns: [] });
        const row = { ...(mapper.row({ payload: { id: 50, name: "x" } }) as WriteRequest["rows"][number]), id: "young" };
        assert.deepEqual(told(await fresh.write({ table, mode: "insert", keys: [], mapped: false, rows: [row], inbox })), [1]);
        await fresh.close();
        assert.deepEqual(await engine.rows("select id from surewire_inbox"), [{ id: "young" }]);
        assert.equal(await count(table), 4);
      });

      it("says how to make the table when there is another of this name", async () => {
        const wrong = { ...inbox, table };
        await assert.rejects(write("insert", people(4), { inbox: wrong, ids: ids(4) }), { code: "NOT_CONFIGURED", message: /is no inbox.*create table if not exists/ });
      });
    });
  });
}
