import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { MariaDb } from "../../services/mariadb";
import { sharedMariaDb } from "../../services/shared";
import { SETTINGS } from "./engines";

/** Words that Latin 1 has, and that only four bytes of UTF-8 have. */
const WORDS = ["né", "a😀b"];

describe("A MariaDB that lets sessions begin in another character set", function () {
  this.timeout(60_000);
  const table = `words_${process.pid}`;
  const user = `words_${process.pid}`; // without the rights with which `init_connect` is passed over
  let server: MariaDb;

  before(async () => {
    server = await sharedMariaDb();
    await server.query(`create user ${user}@'127.0.0.1' identified by 'p'`);
    await server.query(`grant select, insert, create, drop on ${server.database}.* to ${user}@'127.0.0.1'`);
  });
  afterEach(() => server.query(`set global init_connect = ''; drop table if exists ${table}`));
  after(() => server.query(`drop user ${user}@'127.0.0.1'`));

  for (const begins of ["set names latin1", "set names utf8", "set character_set_results = latin1", "set names utf8mb4 collate utf8mb4_bin"]) {
    it(`stores and reads text as it is after \`${begins}\``, async () => {
      await server.query(`create table ${table} (id int, word varchar(20)) character set utf8mb4`);
      await server.query(`insert into ${table} values (0, '😀 was there')`);
      await server.query(`set global init_connect = '${begins}'`);
      const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: { username: user, password: "p" } });
      try {
        const rows = WORDS.map((word, index) => ({ columns: ["id", "word"], values: [index + 1, word] }));
        assert.deepEqual(await client.write({ table, mode: "insert", keys: [], mapped: true, rows }), [null, null]);
        assert.deepEqual((await server.query(`select word from ${table} where id > 0 order by id`)).map(({ word }) => word), WORDS);
        const { cursor } = await client.openCursor({ sql: `select word, @@collation_connection as c from ${table} order by id`, values: {}, fetchSize: 10 });
        const collation = /collate (\w+)/.exec(begins)?.[1] ?? "utf8mb4_general_ci";
        assert.deepEqual((await client.fetch(cursor)).rows, ["😀 was there", ...WORDS].map((word) => [word, collation]));
      } finally {
        await client.close();
      }
    });
  }
});
