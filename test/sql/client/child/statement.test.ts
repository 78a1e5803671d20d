import assert from "node:assert/strict";
import type { DialectName, NamedStatement } from "../../../../nodes/sql/client/protocol";
import { Untyped } from "../../../../nodes/sql/client/child/backend";
import { bind, lexed } from "../../../../nodes/sql/client/child/statement";

const DIALECTS: DialectName[] = ["postgresql", "mariadb", "sqlite", "sqlserver", "oracle", "db2", "generic"];

/** The statement with the values behind parameters whose form the connection chooses. */
function bound(text: string, values: NamedStatement["values"], dialect: DialectName): { sql: string; parameters: unknown[] } {
  const { sql, parameters } = bind({ sql: text, values }, { name: dialect });
  return { sql, parameters: parameters.map((value) => (value instanceof Untyped ? value.value : value)) };
}

function sql(text: string, values: NamedStatement["values"] = {}, dialect: DialectName = "postgresql"): string {
  return bind({ sql: text, values }, { name: dialect }).sql;
}

/** The names a dialect finds in a text. */
function names(text: string, dialect: DialectName): string[] {
  const asked: string[] = [];
  const values = new Proxy({}, {
    getOwnPropertyDescriptor: (_target, name) => {
      asked.push(String(name));
      return { value: 1, configurable: true, enumerable: true };
    },
    get: () => 1,
  });
  bind({ sql: text, values }, { name: dialect });
  return asked;
}

describe("A statement with names", () => {
  it("gets a parameter for each, in order, on every dialect", () => {
    for (const dialect of DIALECTS) {
      const found = bound("select * from t where a=:a and b > :b_2 or a = :a", { a: 1, b_2: "x" }, dialect);
      assert.deepEqual(found, { sql: "select * from t where a=? and b > ? or a = ?", parameters: [1, "x", 1] }, dialect);
    }
  });

  it("tells names apart by case, and takes NULL for a value", () => {
    assert.deepEqual(bind({ sql: "values (:a, :A)", values: { a: null, A: 2 } }, { name: "sqlite" }).parameters, [null, 2]);
  });

  it("is refused when a value is missing, by name: never NULL instead", () => {
    for (const values of [{}, { A: 1 }, { a: undefined as never }] as NamedStatement["values"][]) {
      assert.throws(() => sql("select :a", values), { code: "INPUT_INVALID", message: ":a has no value" });
    }
    for (const name of ["constructor", "toString", "__proto__"]) assert.throws(() => sql(`select :${name}`), /has no value/);
  });

  it("finds none in strings, quoted names and comments", () => {
    for (const dialect of DIALECTS) {
      assert.deepEqual(names(`select ':a''s :b', "x :c ""y"" :d", :yes -- it's :e ?\n, :too /* :f 'g' ; ? */ from t`, dialect), ["yes", "too"], dialect);
    }
  });

  const own: [dialect: DialectName, text: string, names: string[]][] = [
    ["postgresql", "select E'it\\'s :a', 'c:\\', :yes", ["yes"]],
    ["postgresql", "select $$it's :a$$, $x$ $$ :b $y$ $x$, :yes, a$b$c", ["yes"]],
    ["postgresql", "select :yes::text, a::numeric(10,2), b ::date, f(x := 1), f(x :=:too)", ["yes", "too"]],
    ["postgresql", "select a[1:2], a[lo:hi], a[b[1]:n], a[:yes], array[:too, 1], m[(x):y][:z]", ["yes", "too", "z"]],
    ["postgresql", "select /* /* :a */ :b */ :yes", ["yes"]],
    ["postgresql", "select U&'d\\0061 :a', b'1', :yes", ["yes"]],
    ["mariadb", "select 'it\\'s :a', \"say \\\" :b\", `:c``:d`, :yes # :e\n, 1--:too", ["yes", "too"]],
    ["mariadb", "select @v := :yes, /*! straight_join */ a, /*+ bka(t) */ b -- :a", ["yes"]],
    ["sqlite", "select 'c:\\', [x :a], `y :b`, :yes", ["yes"]],
    ["sqlserver", "select [a :b ]] :c], N'it''s :d', @x, geography::Parse(:yes) /* /* :e */ :f */", ["yes"]],
    ["oracle", "select q'[it's :a]', q'!it's :b!', nq'{:c}', :yes from dual", ["yes"]],
    ["oracle", "begin update t set a = :a; update t set b = :b; end;", ["a", "b"]],
    ["generic", "select 'c:\\', :yes", ["yes"]],
  ];
  for (const [dialect, text, found] of own) it(`on ${dialect} finds ${found.join(", ")} in ${text}`, () => assert.deepEqual(names(text, dialect), found));

  it("goes to the driver without comments, but with hints", () => {
    assert.equal(sql("select 1 -- it's ?\n/* ' */ from t # x\n", {}, "mariadb"), "select 1  \n  from t");
    assert.equal(sql("select /*+ full(t) */ 1 from t", {}, "oracle"), "select /*+ full(t) */ 1 from t");
  });

  it("may end with a semicolon, but is one statement", () => {
    for (const dialect of DIALECTS) {
      const text = sql("select ';' as a ; ; -- the end; really\n", {}, dialect);
      assert.equal(text.replace(/[; ]+$/, ""), "select ';' as a", dialect);
      for (const two of ["select 1; select 2", "delete from t where a = 1;:a", "select 1;'", "select 1; /* */ drop table t"]) {
        assert.throws(() => sql(two, { a: 1 }, dialect), { code: "NOT_CONFIGURED" }, `${dialect}: ${two}`);
      }
    }
    assert.equal(sql("merge into t using s on (1 = 1) when matched then delete;", {}, "sqlserver").at(-1), ";");
    assert.equal(sql("create trigger x after insert on t begin delete from u; end;", {}, "sqlite"), "create trigger x after insert on t begin delete from u; end;");
  });

  it("is refused with a question mark, which says what to do", () => {
    for (const dialect of DIALECTS) assert.throws(() => sql("select * from t where a = ?", {}, dialect), /:name/, dialect);
    assert.throws(() => sql("select doc ? 'key' from t"), /jsonb_exists\(\)/);
    assert.throws(() => sql("select doc ?| array['key'] from t"), { code: "NOT_CONFIGURED" });
    assert.equal(sql("select '?' as \"a?\""), "select '?' as \"a?\"");
  });

  it("is refused with a product's own parameters, which nobody would fill", () => {
    assert.throws(() => sql("select $1"), { code: "NOT_CONFIGURED", message: /\$1.*:name/ });
    assert.throws(() => sql("select $id", {}, "sqlite"), { code: "NOT_CONFIGURED" });
    assert.throws(() => sql("select @id", {}, "sqlite"), { code: "NOT_CONFIGURED" });
  });

  it("is refused when a quote or comment is not closed, or there is nothing", () => {
    for (const text of ["select 'a", 'select "a', "select /* a", "select 1 /* /* */", "", " -- nothing\n;", "select 1\0"]) {
      assert.throws(() => sql(text), { code: "NOT_CONFIGURED" }, text);
    }
  });

  it("takes a list for as many parameters", () => {
    const found = bound("select * from t where id in (:ids) and a = :a", { ids: [1, 2n, "3"], a: 4 }, "sqlite");
    assert.deepEqual(found, { sql: "select * from t where id in (?, ?, ?) and a = ?", parameters: [1, 2n, "3", 4] });
  });

  it("matches nothing in an empty list, and all that is not in it", () => {
    assert.equal(sql("select * from t where not (id in (:ids)) and a", { ids: [] }), "select * from t where not (id in (null) is true) and a");
    assert.equal(sql("select * from t where id NOT IN ( :ids )", { ids: [] }), "select * from t where id NOT IN ( null ) is not false");
    for (const text of ["values (:ids)", "where id = any(array[:ids])", "where id in (1, :ids)", "where id in (:ids, 1)"]) {
      assert.throws(() => sql(`select 1 ${text}`, { ids: [] }), { code: "INPUT_INVALID", message: /:ids is an empty list/ }, text);
    }
    assert.throws(() => sql("select * from t where id in (:ids)", { ids: [] }, "sqlserver"), { code: "INPUT_INVALID" });
  });

  it("is refused with so many parameters that the addon would abort the process, or PostgreSQL's client hang up", () => {
    const ids = Array.from({ length: 32_001 }, (_, index) => index);
    for (const [dialect, limit] of [["mariadb", 32_000], ["postgresql", 7_498]] as const) {
      assert.throws(() => sql("select * from t where id in (:ids)", { ids }, dialect), { code: "INPUT_INVALID", message: new RegExp(`32001 parameters; the limit is ${limit}$`) });
    }
    assert.equal(bind({ sql: "select :ids", values: { ids: ids.slice(1) } }, { name: "sqlite" }).parameters.length, 32_000);
  });

  it("never has a value in its text, whatever the value", () => {
    for (const dialect of DIALECTS) {
      for (const value of ["'; drop table t; --", ":b", "?", "$1", "a' or '1'='1", "\\'; --", "*/ drop"]) {
        const found = bound("select * from t where a = :a", { a: value }, dialect);
        assert.deepEqual(found, { sql: "select * from t where a = ?", parameters: [value] });
      }
    }
  });

  it("gives rows of what it changes, also behind a `with`", () => {
    const returning: [text: string, returns: boolean][] = [
      ["update t set a = 1 returning a", true],
      ["with x as (select 1) update t set a = 1 from x returning a", true],
      ["with x as (select a from t for update), y as (delete from t returning a) select a from y", true],
      ["with x as (delete from t returning a) insert into u select a from x", false],
      ["with recursive x(a) as (select 1 union all select a + 1 from x) select a from x for update", false],
      ["with x as (select 'delete from t returning a', (select 1)) select \"update\" from x", false],
      ["select a from t where b in (select c from u)", false],
    ];
    for (const [text, returns] of returning) assert.equal(lexed(text, "postgresql").returns, returns, text);
  });

  it("is read once, however often it runs, and forgets what is old", () => {
    const text = `select ${"a, ".repeat(20_000)} :a`;
    sql(text, { a: 1 });
    const once = (): number => {
      const started = performance.now();
      for (let turn = 0; turn < 1000; turn += 1) sql(text, { a: 1 });
      return performance.now() - started;
    };
    // the least of some rounds counts: the machine may be busy in one
    assert.ok(Math.min(once(), once(), once()) < 500);
    for (let turn = 0; turn < 1000; turn += 1) sql(`select ${turn}`);
  });

  it("refuses to copy from or to its client, where PostgreSQL's driver would wait for ever", () => {
    for (const text of ["copy t from stdin", "COPY t (a, b) FROM STDIN with (format csv)", "copy (select 1) to stdout"]) {
      assert.throws(() => sql(text), { code: "NOT_CONFIGURED", scope: "system", message: /copies from or to its client/ }, text);
    }
    assert.equal(sql("copy t from '/srv/rows.csv' csv"), "copy t from '/srv/rows.csv' csv");
  });

  it("refuses what a driver would cut or cannot take", () => {
    for (const dialect of DIALECTS) assert.throws(() => sql("select :a", { a: "a\0b" }, dialect), { code: "INPUT_INVALID", message: /:a: .*NUL/ });
    assert.throws(() => sql("select :a", { a: [[1]] as never }), { code: "INPUT_INVALID" });
  });
});
