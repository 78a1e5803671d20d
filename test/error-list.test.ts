import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { ERROR_CATALOGUE, type ErrorCode } from "../nodes/common/errors";

describe("the list of error codes", () => {
  const rows = [...readFileSync(path.join(__dirname, "../docs/errors.md"), "utf8").matchAll(/^\| `([A-Z_]+)` \|[^|]*\| (message|system)(, tried again)?/gm)];

  it("has every code once, and no other", () => {
    assert.deepEqual(rows.map(([, code]) => code).sort(), Object.keys(ERROR_CATALOGUE).sort());
  });

  it("says whose fault each is, and whether it is tried again", () => {
    const told = rows.map(([, code, scope, again]) => [code, scope, scope === "system" || again !== undefined]);
    assert.deepEqual(told, rows.map(([, code]) => [code, ERROR_CATALOGUE[code as ErrorCode].scope, ERROR_CATALOGUE[code as ErrorCode].retryable]));
  });
});
