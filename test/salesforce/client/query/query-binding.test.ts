import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { isConnectorError } from "../../../../nodes/common/errors";
import { bindQuery, prepareQuery, type QueryLanguage, type QueryValues } from "../../../../nodes/salesforce/client/query/query-binding";
import { QueryClient } from "../../../../nodes/salesforce/client/query/query-client";
import { clientCredentials, Orgs } from "../../support";

const bind = (query: string, values: QueryValues, language: QueryLanguage = "soql"): string => bindQuery(prepareQuery(query, language), values);
const where = (condition: string, values: QueryValues): string => bind(`SELECT Id FROM Case WHERE ${condition}`, values).slice("SELECT Id FROM Case WHERE ".length);
const refused = (pattern: RegExp) => (error: unknown): boolean => isConnectorError(error) && error.code === "INPUT_INVALID" && pattern.test(error.message);

describe("a query's values", () => {
  for (const [condition, values, bound] of [
    ["a = :v", { v: "x" }, "a = 'x'"],
    ["a = :v", { v: "it's" }, "a = 'it\\'s'"],
    ["a = :v", { v: "\\" }, "a = '\\\\'"],
    ["a = :v", { v: "' OR Name != '" }, "a = '\\' OR Name != \\''"],
    ["a = :v", { v: '"\n\r\t\b\f' }, "a = '\\\"\\n\\r\\t\\b\\f'"],
    ["a = :v", { v: "\u0000\u2028" }, "a = '\\u0000\\u2028'"],
    ["a = :v AND b = :v", { v: 5 }, "a = 5 AND b = 5"],
    ["a = :v", { v: -1.5 }, "a = -1.5"],
    ["a = :v", { v: 1e21 }, "a = 1000000000000000000000"],
    ["a = :v", { v: 1e-7 }, "a = 0.0000001"],
    ["a = :v", { v: 12345678901234567890n }, "a = 12345678901234567890"],
    ["a = :v", { v: true }, "a = TRUE"],
    ["a != :v", { v: null }, "a != null"],
    ["a > :v", { v: new Date("2026-11-20T09:15:31Z") }, "a > 2026-11-20T09:15:31.000Z"],
    ["a > :v", { v: "2026-11-20T09:15:31Z" }, "a > '2026-11-20T09:15:31Z'"],
    ["a > :v:datetime", { v: "2026-11-20T10:15:31+0100" }, "a > 2026-11-20T09:15:31.000Z"],
    ["a > :v:datetime", { v: 0 }, "a > 1970-01-01T00:00:00.000Z"],
    ["a = :v:date", { v: "2026-11-20" }, "a = 2026-11-20"],
    ["a = :v:date", { v: new Date("2026-11-20T23:15:31Z") }, "a = 2026-11-20"],
    ["a = :v:text", { v: 42 }, "a = '42'"],
    ["a > LAST_N_DAYS:v AND b = LAST_N_DAYS:7", { v: 30 }, "a > LAST_N_DAYS:30 AND b = LAST_N_DAYS:7"],
    ["a = 1 LIMIT:v", { v: 3 }, "a = 1 LIMIT 3"],
    ["a IN :v", { v: ["x", 1, null] }, "a IN ('x', 1, null)"],
    ["a NOT IN (:v)", { v: ["x", "y"] }, "a NOT IN ('x', 'y')"],
    ["a IN (:v, 'z')", { v: ["x", "y"] }, "a IN ('x', 'y', 'z')"],
    ["a IN :v", { v: "one" }, "a IN ('one')"],
    ["a IN :v:date", { v: ["2026-11-20"] }, "a IN (2026-11-20)"],
    ["a INCLUDES (:v)", { v: ["x;y"] }, "a INCLUDES ('x;y')"],
    ["a LIKE :v", { v: "50%_\\%\\'" }, "a LIKE '50%_\\%\\\\\\''"],
    ["a LIKE %:v%", { v: "50%_'" }, "a LIKE '%50\\%\\_\\'%'"],
    ["a LIKE :v%", { v: "x" }, "a LIKE 'x%'"],
    ["a = ':v' AND b = 'it\\':v' AND c = :v", { v: 1 }, "a = ':v' AND b = 'it\\':v' AND c = 1"],
  ] as [string, QueryValues, string][]) {
    it(`stand in ${condition} as ${bound}`, () => assert.equal(where(condition, values), bound));
  }

  for (const [condition, values, text] of [
    ["a = :v", {}, /names :v, and there is no value/],
    ["a = :v", { v: undefined }, /no value/],
    ["a IN :v", { v: [] }, /empty list/],
    ["a IN :v", { v: [["x"]] }, /a list in a list/],
    ["a = :v", { v: ["x"] }, /only stand behind IN/],
    ["a = :v", { v: { b: 1 } }, /an? object/],
    ["a = :v", { v: Buffer.from("x") }, /an? object/],
    ["a = :v", { v: Number.NaN }, /a number, not/],
    ["a = :v", { v: new Date("never") }, /not valid/],
    ["a = :v:date", { v: "20.11.2026" }, /not a time/],
    ["a = :v:date", { v: "2026-02-30" }, /not a date/],
    ["a = :v:datetime", { v: "2026-11-20T09:15:31" }, /not a time/],
    ["a LIKE :v", { v: null }, /no text/],
    ["a = LAST_N_DAYS:v", { v: "7; x" }, /no whole number/],
    ["a = :constructor", {}, /no value/],
  ] as [string, QueryValues, RegExp][]) {
    it(`cannot stand in ${condition} when they are ${JSON.stringify(values)}`, () => assert.throws(() => where(condition, values), refused(text)));
  }

  for (const [query, values, bound] of [
    ["FIND {:v} RETURNING Case(Id WHERE Subject = :s)", { v: "a (b) *c?", s: "it's" }, "FIND {a \\(b\\) \\*c\\?} RETURNING Case(Id WHERE Subject = 'it\\'s')"],
    ["FIND {:v*} RETURNING Case", { v: "pum" }, "FIND {pum*} RETURNING Case"],
    ['FIND {":v"}', { v: 'say "or" } x' }, 'FIND {"say \\"or\\" \\} x"}'],
    ["FIND {:v}", { v: "rock and roll" }, 'FIND {rock "and" roll}'],
    ["FIND :v IN NAME FIELDS", { v: "a:b" }, "FIND {a\\:b} IN NAME FIELDS"],
    ["FIND {a\\:v} RETURNING Case(Id WHERE x = ':v')", {}, "FIND {a\\:v} RETURNING Case(Id WHERE x = ':v')"],
  ] as [string, QueryValues, string][]) {
    it(`stand in ${query} as ${bound}`, () => assert.equal(bind(query, values, "sosl"), bound));
  }

  it("cannot be a search without a word", () => {
    assert.throws(() => bind("FIND {:v}", { v: " ** " }, "sosl"), refused(/no word/));
    assert.throws(() => bind("FIND {:v}", { v: ["x"] }, "sosl"), refused(/neither a text nor a number/));
  });
});

describe("a query's values, in an org", () => {
  const orgs = new Orgs();
  let org: Emulator;
  let client: QueryClient;

  const NAUGHTY = [
    "it's", "' OR Id != null OR Subject = '", "\\", "\\'", "\\\\'", '"quoted"', "line\nbreak", "tab\there", "50%", "a_b", "%", "_", "\\%", ":name", "?", "{}", "é ü 漢字 🚗",
    "a\u2028b", "-- x", "/* x */", "x) OR (Id != null", "\u202etxt", "null", "TRUE", "2026-01-01", "''", "a''b", "${x}", "{{x}}", "<b>&amp;</b>", "x'y\"z\\", "\\u0027", "\u0001x",
  ];

  before(async () => {
    org = await orgs.start();
    const { rest } = orgs.client(clientCredentials(org));
    client = new QueryClient(rest, rest.version);
    org.control.insert({ object: "Case", records: NAUGHTY.map((Subject, index) => ({ Subject, SuppliedName: `n${index}` })) });
  });
  after(() => orgs.stop());

  const found = async (query: string, values: QueryValues, language: QueryLanguage = "soql"): Promise<unknown[]> => {
    const pages = await client.open({ language, text: bind(query, values, language) });
    const names: unknown[] = [];
    for (let page = await pages.next(); page; page = await pages.next()) names.push(...page.map(({ SuppliedName }) => SuppliedName));
    return names;
  };

  it("find each naughty text, and nothing but it", async () => {
    for (const [index, text] of NAUGHTY.entries()) {
      assert.deepEqual(await found("SELECT SuppliedName FROM Case WHERE Subject = :text", { text }), [`n${index}`], JSON.stringify(text));
    }
    assert.deepEqual(await found("SELECT SuppliedName FROM Case WHERE Subject IN :list ORDER BY CreatedDate, Id", { list: NAUGHTY }), NAUGHTY.map((_, index) => `n${index}`));
  });

  it("are refused with half of a character, which no address can hold", async () => {
    await assert.rejects(found("SELECT SuppliedName FROM Case WHERE Subject = :text", { text: "a\ud800" }), { code: "INPUT_INVALID", scope: "message" });
    await assert.rejects(found("FIND {:text} RETURNING Case(SuppliedName)", { text: "a\ud800" }, "sosl"), { code: "INPUT_INVALID" });
  });

  it("find each within a pattern, where nothing in it is a wildcard", async () => {
    for (const [index, text] of NAUGHTY.entries()) {
      const names = await found("SELECT SuppliedName FROM Case WHERE Subject LIKE %:text%", { text });
      const expected = NAUGHTY.flatMap((other, place) => (other.toLowerCase().includes(text.toLowerCase()) ? `n${place}` : []));
      assert.deepEqual(names, expected, JSON.stringify(text));
      assert.ok(names.includes(`n${index}`));
    }
    assert.deepEqual(await found("SELECT SuppliedName FROM Case WHERE Subject LIKE :text", { text: "it_s" }), ["n0"]);
  });

  it("can be searched for without breaking the search", async () => {
    for (const text of NAUGHTY) {
      const search = found("FIND {:text} RETURNING Case(SuppliedName)", { text }, "sosl");
      if (/[\p{L}\p{N}]/u.test(text)) assert.ok(Array.isArray(await search.catch((error: unknown) => (isConnectorError(error) && /longer than one character/.test(error.message) ? [] : Promise.reject(error as Error)))));
      else await assert.rejects(search, refused(/no word/));
    }
    assert.deepEqual(await found("FIND {:text} RETURNING Case(SuppliedName)", { text: "line break" }, "sosl"), ["n6"]);
  });

  it("come back exactly from a list that is too long for an address, by way of a composite request", async () => {
    const list = [...Array.from({ length: 2000 }, (_, index) => `nothing ${index} '`), NAUGHTY[0], NAUGHTY[1]];
    assert.deepEqual(await found("SELECT SuppliedName FROM Case WHERE Subject IN :list", { list }), ["n0", "n1"]);
    assert.ok(Object.keys(org.control.stats().byKind).some((kind) => kind === "POST composite"));
    await assert.rejects(found("SELECT SuppliedName FROM Case WHERE Subject IN :list", { list: list.map((text) => `${text}${"x".repeat(60)}`) }), (error: unknown) => isConnectorError(error) && error.code === "PAYLOAD_TOO_LARGE");
    await assert.rejects(found("SELECT Nope FROM Case WHERE Subject IN :list", { list }), (error: unknown) => isConnectorError(error) && error.code === "ORG_REFUSED" && /No such column 'Nope'/.test(error.message));
  });
});
