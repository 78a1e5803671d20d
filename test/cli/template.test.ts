import assert from "node:assert/strict";
import type { Dialect } from "../../cli/import/dialect";
import { isQuery, statementsOf, type TemplateContext } from "../../cli/import/template";

const only = (text: string, context: TemplateContext = {}) => {
  const statements = statementsOf(text, context);
  assert.equal(statements.length, 1, JSON.stringify(statements));
  return statements[0]!;
};
const sql = (text: string, dialect: Dialect = "postgresql"): string => only(text, { dialect }).sql;

describe("a template of an old bridge", () => {
  describe("becomes a statement with parameters", () => {
    for (const placeholder of ["${id}", "#{id}", "{{id}}", "{{{ id }}}", "{id}", "%(id)s", ":id", "${ id }"]) {
      it(`for ${placeholder}`, () => {
        const statement = only(`delete from t where id = ${placeholder}`);
        assert.deepEqual(statement, { sql: "delete from t where id = :id", parameters: [{ name: "id", field: ["id"] }], remarks: [] });
      });
    }

    it("whose quotes around a placeholder are gone: a parameter has none", () => {
      assert.equal(sql("insert into t values (${id}, '${name}', ' ${note} ')"), "insert into t values (:id, :name, (' ' || :note || ' '))");
    });

    it("that keeps what is a literal, a comment, a cast or an escape of ODBC", () => {
      const text = "select 'it''s :me, ?', \"a:b\", x::text, {fn now()}, {d '2026-01-31'}, '{1,2}' -- ${c} :d\n/* ? */ from t where a = ${a}";
      assert.equal(sql(text), text.replace("= ${a}", "= :a"));
    });

    it("and takes {red} for an array where the placeholders are ${…}", () => {
      assert.equal(sql("insert into t values ('{red}', ${a})"), "insert into t values ('{red}', :a)");
    });

    it("and takes fields within fields, and fields that are no names of SQL", () => {
      const { parameters } = only("insert into t values (${order.id}, ${$.lines[0].sku}, ${/order/unit price}, ${größe}, ${2nd})");
      assert.deepEqual(parameters, [
        { name: "order_id", field: ["order", "id"] },
        { name: "lines_0_sku", field: ["lines", "0", "sku"] },
        { name: "order_unit_price", field: ["order", "unit price"] },
        { name: "gro_e", field: ["größe"] },
        { name: "p2nd", field: ["2nd"] },
      ]);
    });

    it("and gives different fields different names, the same field the same", () => {
      const { sql: text, parameters } = only("insert into t values (${a.b}, ${a_b}, ${a.b})");
      assert.equal(text, "insert into t values (:a_b, :a_b_2, :a_b)");
      assert.deepEqual(parameters.map(({ field }) => field), [["a", "b"], ["a_b"]]);
    });

    it("and takes a dot for a part of the name in delimited text", () => {
      assert.deepEqual(only("insert into t values (${order.id})", { flat: true }).parameters, [{ name: "order_id", field: ["order.id"] }]);
    });

    it("by the fields that the file maps", () => {
      const { sql: text, parameters } = only("update t set a = :x where id = ?", { fields: { x: "order.x" }, positions: ["key"] });
      assert.equal(text, "update t set a = :x where id = :key");
      assert.deepEqual(parameters, [{ name: "x", field: ["order", "x"] }, { name: "key", field: ["key"] }]);
    });

    it("and says that a format or default was left out", () => {
      const { sql: text, remarks } = only("insert into t values (${at:yyyy-MM-dd}, ${name!none})");
      assert.equal(text, "insert into t values (:at, :name)");
      assert.equal(remarks.length, 2);
    });
  });

  describe("with a placeholder within a text", () => {
    const template = "select * from t where name like '%${name}%'";
    const joined: [Dialect | undefined, string][] = [
      ["postgresql", "('%' || :name || '%')"],
      ["sqlite", "('%' || :name || '%')"],
      ["oracle", "('%' || :name || '%')"],
      ["db2", "('%' || :name || '%')"],
      ["mariadb", "concat('%', :name, '%')"],
      ["sqlserver", "concat('%', :name, '%')"],
      [undefined, "{fn concat({fn concat('%', :name)}, '%')}"],
    ];
    for (const [dialect, expected] of joined) {
      it(`joins both in the database (${dialect ?? "of an unknown product"})`, () => {
        const statement = only(template, { dialect });
        assert.equal(statement.sql, `select * from t where name like ${expected}`);
        assert.equal(statement.remarks.length, dialect ? 0 : 1);
      });
    }

    it("keeps quotes, prefixes and MariaDB's backslashes of what stands beside it", () => {
      assert.equal(sql("insert into t values ('it''s ${a}', N'x${b}')"), "insert into t values (('it''s ' || :a), (N'x' || :b))");
      assert.equal(sql(String.raw`insert into t values ('it\'s ${"${a}"}', "say ${"${b}"}")`, "mariadb"), String.raw`insert into t values (concat('it\'s ', :a), concat("say ", :b))`);
    });

    it("casts what was a literal of a date, since a parameter can be none", () => {
      assert.equal(sql("select * from t where d >= date '${from}' and at < TIMESTAMP'${day} 00:00:00'"), "select * from t where d >= cast(:from as date) and at < cast((:day || ' 00:00:00') as timestamp)");
    });

    it("leaves an interval, and says so", () => {
      const { sql: text, remarks } = only("select now() - interval '${n} days'");
      assert.equal(text, "select now() - interval '${n} days'");
      assert.match(remarks.join(), /INTERVAL/);
    });
  });

  describe("with a placeholder where no value can stand", () => {
    const wrong = [
      "insert into ${table} (a) values (1)",
      "select * from ${schema}.t",
      "select * from data_${year}",
      'select "${column}" from t',
      "select * from t order by ${column}",
      "select * from t where ${condition}",
      "select * from t where a = 1 and ${condition}",
      "update t set ${changes}",
      "select ${function}(a) from t",
      "select ${a}${b}",
    ];
    for (const text of wrong) {
      it(`leaves it, so that the database refuses the statement, and says so: ${text}`, () => {
        const statement = only(text);
        assert.equal(statement.sql, text);
        assert.ok(statement.remarks.length > 0);
        assert.deepEqual(statement.parameters, []);
      });
    }

    const right = [
      "select * from t where a is distinct from ${a}",
      "select * from t where a between ${a} and ${b}",
      "select * from t where ${a} = id and (${b} > 0)",
      "select * from t where id in (${ids}) limit ${n}",
      "select extract(year from ${at}) from t",
    ];
    for (const text of right) {
      it(`but not where one can: ${text}`, () => {
        const statement = only(text);
        assert.equal(statement.sql, text.replace(/\$\{(\w+)\}/g, ":$1"));
        assert.deepEqual(statement.remarks, []);
      });
    }
  });

  describe("with ?", () => {
    it("takes the fields that the file lists", () => {
      assert.equal(only("insert into t values (?, ?, $3)", { positions: ["a", "b", "c"] }).sql, "insert into t values (:a, :b, :c)");
    });

    it("else the columns they are inserted into or compared with, and says so", () => {
      const insert = only('insert into t (id, "unit price") values (?, ?)');
      assert.deepEqual(insert.parameters, [{ name: "id", field: ["id"] }, { name: "unit_price", field: ["unit price"] }]);
      assert.equal(insert.remarks.length, 2);
      assert.equal(only("update t set a = ?, t.b=? where id = ?").sql, "update t set a = :a, t.b=:b where id = :id");
    });

    it("else numbers, which the user has to name", () => {
      const { sql: text, remarks } = only("insert into t values (?, coalesce(?, 0))");
      assert.equal(text, "insert into t values (:p1, coalesce(:p2, 0))");
      assert.match(remarks.join(), /placeholder 2 has no name/);
    });

    it("leaves the operators ?| and ?&", () => {
      assert.equal(sql("select a ?| b from t where id = ?"), "select a ?| b from t where id = :id");
    });
  });

  it("with several statements becomes several, without the transaction around them", () => {
    const statements = statementsOf("BEGIN; insert into a values (';', ${a}); update b set c = ${c} where d = ${d};\nCOMMIT;");
    assert.deepEqual(statements.map(({ sql: text }) => text), ["insert into a values (';', :a)", "update b set c = :c where d = :d"]);
  });

  it("with a procedure stays one", () => {
    assert.equal(sql("BEGIN insert into a values (${a}); do_it(${b}); END;", "oracle"), "BEGIN insert into a values (:a); do_it(:b); END;");
  });

  it("with a quote that is not closed stays as it is, and says so", () => {
    const { sql: text, remarks } = only("insert into t values (${a}, 'abc, ${b})");
    assert.equal(text, "insert into t values (:a, 'abc, ${b})");
    assert.match(remarks.join(), /not closed/);
  });

  it("is told to select or to write", () => {
    for (const text of ["select 1", " -- x\nSELECT a", "with a as (select 1) select * from a", "values (1)"]) assert.equal(isQuery(text), true, text);
    for (const text of ["insert into t select * from u", "with a as (select 1) insert into t select * from a", "select * into t from u", "merge into t using u", "{call p(?)}"]) assert.equal(isQuery(text), false, text);
  });

  it("of 40,000 characters is read in a moment, whatever stands in it", () => {
    const began = Date.now();
    for (const text of ["'${a", "{", "$a$", "a = ? ", "(", "/*", "date "]) statementsOf(text.repeat(40_000 / text.length));
    assert.ok(Date.now() - began < 5_000, `took ${Date.now() - began} ms`);
  });
});
