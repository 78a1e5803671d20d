import assert from "node:assert/strict";
import type { ErrorCode } from "../../nodes/common/errors";
import { isConnectorError } from "../../nodes/common/errors";
import { decode, encode, type Format } from "../../nodes/format/format";
import { DEFAULT_OPTIONS, type FormatOptions } from "../../nodes/format/options";

/** What text says in a format, with some options changed. */
export function read(text: string | Buffer, format: Format, options: Partial<FormatOptions> = {}, contentType?: string): unknown {
  return decode(Buffer.from(text as string), format, { contentType }, { ...DEFAULT_OPTIONS, ...options });
}

/** A value as text in a format. */
export function write(value: unknown, format: Format, options: Partial<FormatOptions> = {}): string {
  return encode(value, format, { ...DEFAULT_OPTIONS, ...options }).content.toString();
}

/** Fails unless `action` fails with that code, and a message that matches. */
export function refuses(action: () => unknown, pattern: RegExp, code: ErrorCode = "FORMAT_INVALID"): void {
  assert.throws(action, (error: Error) => {
    assert.ok(isConnectorError(error), error.stack);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  });
}

/** A thousand rows as a database gives them. */
export function databaseRows(): Record<string, unknown>[] {
  return Array.from({ length: 1_000 }, (_, index) => ({
    id: index,
    code: String(index).padStart(6, "0"),
    price: "12345678901234567890.10",
    note: index % 3 === 0 ? null : `a "quoted", <marked> & broken\r\nline ${index}`,
    raw: Buffer.from([index % 256, 0, 255]),
    active: index % 2 === 0,
    at: "2026-01-31T12:00:00.123Z",
  }));
}
