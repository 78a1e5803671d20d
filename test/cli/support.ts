import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FlowNode } from "../../cli/import/flow";
import { importFile, type ImportOptions } from "../../cli/import/import-file";

export const FIXTURES = join(__dirname, "fixtures");

/** An imported flow, its nodes by type. */
export class Result {
  constructor(
    readonly flow: FlowNode[],
    readonly report: string,
  ) {}

  /** The only node of a type. */
  the(type: string): FlowNode {
    const found = this.flow.filter((node) => node.type === type);
    assert.equal(found.length, 1, `${found.length} nodes of type ${type}`);
    return found[0]!;
  }

  has(type: string): boolean {
    return this.flow.some((node) => node.type === type);
  }

  /** Names of the nodes that an output is wired to. */
  after(node: FlowNode, output = 0): unknown[] {
    const ids = (node.wires as string[][])[output] ?? [];
    return ids.map((id) => this.flow.find((each) => each.id === id)?.name);
  }

  /** What is said of a key, each on a line. */
  said(path: string): string[] {
    return this.report.split("\n").filter((line) => line.startsWith(`  ${path} `)).map((line) => line.slice(path.length + 2).trim());
  }
}

/** Imports a file of the fixtures, or an object. */
export function imported(file: string | object, options: ImportOptions = {}): Result {
  const bytes = typeof file === "string" ? readFileSync(join(FIXTURES, file)) : Buffer.from(JSON.stringify(file));
  const { flow, report } = importFile(bytes, typeof file === "string" ? file : "a file", options);
  return new Result(flow, report);
}
