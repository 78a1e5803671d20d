import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, generator } from "./helpers";

interface Reading {
  Name: string;
  Level__c: number | null;
  Line__c: number;
}

/** A condition, and what it means. */
interface Condition {
  text: string;
  holds(row: Reading): boolean;
}

function leaf(random: (below: number) => number): Condition {
  const value = random(3);
  const leaves: Condition[] = [
    { text: `Level__c = ${value}`, holds: (row) => row.Level__c === value },
    { text: `Line__c > ${value}`, holds: (row) => row.Line__c > value },
    { text: "Level__c = null", holds: (row) => row.Level__c === null },
    { text: `Line__c NOT IN (${value}, 7)`, holds: (row) => row.Line__c !== value },
    { text: `Name LIKE 'x${value}%'`, holds: (row) => row.Name.startsWith(`x${value}`) },
    { text: `Level__c IN (${value})`, holds: (row) => row.Level__c === value },
  ];
  return leaves[random(leaves.length)]!;
}

const isCompound = ({ text }: Condition): boolean => / (AND|OR) /.test(text);
const inBrackets = ({ text, holds }: Condition): Condition => ({ text: `(${text})`, holds });

function condition(random: (below: number) => number, depth: number): Condition {
  const kind = depth <= 0 ? 0 : random(6);
  if (kind <= 1) return leaf(random);
  const inner = condition(random, depth - 1);
  if (kind === 2) {
    const negated = isCompound(inner) || inner.text.startsWith("NOT") || random(2) > 0 ? inBrackets(inner) : inner;
    return { text: `NOT ${negated.text}`, holds: (row) => !inner.holds(row) };
  }
  if (kind === 3) return inBrackets(inner);
  const parts = [inner, condition(random, depth - 1), condition(random, depth - 1)].map((part) => (isCompound(part) ? inBrackets(part) : part));
  const isAnd = random(2) > 0;
  const holds = (row: Reading): boolean => (isAnd ? parts.every((part) => part.holds(row)) : parts.some((part) => part.holds(row)));
  return { text: parts.map(({ text }) => text).join(isAnd ? " AND " : " OR "), holds };
}

describe("a query with any condition", () => {
  const rows: Reading[] = [0, 1, 2].flatMap((level) => [0, 1, 2].map((line) => ({ Name: `x${level}${line}`, Level__c: level || null, Line__c: line })));
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    const fields = [
      { name: "Name", type: "string" as const },
      { name: "Level__c", type: "int" as const },
      { name: "Line__c", type: "int" as const },
    ];
    emulator = await startEmulator({ schema: [{ name: "Reading__c", fields }] });
    emulator.control.insert({ object: "Reading__c", records: rows.map((row) => ({ ...row })) });
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  it("is answered as it is written, or refused, but never wrongly", async () => {
    const random = generator(20_261_121);
    let refused = 0;
    for (let count = 0; count < 200; count++) {
      const { text, holds } = condition(random, 4);
      const { status, body } = await api.query(`SELECT Name FROM Reading__c WHERE ${text} ORDER BY Name`);
      if (status !== 200) refused++;
      else {
        const found = body.records.map((record: Record<string, string>) => record["Name"]);
        const expected = rows.filter(holds).map((row) => row.Name);
        assert.deepEqual(found, expected, text);
      }
    }
    assert.ok(refused < 20, `${refused} of 200 were refused`);
  });
});
