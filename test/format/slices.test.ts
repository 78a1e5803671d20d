import assert from "node:assert/strict";
import { isConnectorError } from "../../nodes/common/errors";
import { decode, decodeInSlices, encode, encodeInSlices, LARGE, MAX_CONTENT, type ContentHints, type Format } from "../../nodes/format/format";
import { DEFAULT_OPTIONS, type FormatOptions } from "../../nodes/format/options";

const never = (): boolean => false;

/** Rows of seven columns, as a database would write them. */
function lines(bytes: number, line: (index: number) => string): string {
  const parts = ["id,code,price,note,raw,active,at\n"];
  for (let size = 0, index = 0; size < bytes; index += 1) size += parts[parts.push(line(index)) - 1]?.length ?? 0;
  return parts.join("");
}

const plainLine = (index: number): string => `${index},${String(index).padStart(6, "0")},12345678901234567890.10,pump ${index},AQD/,false,2026-01-31T12:00:00.123Z\n`;
const quotedLine = (index: number): string => `${index},000001,1.10,"a ""quoted"",\r\nbroken ${index}",AQD/,false,2026-01-31T12:00:00.123Z\r\n`;

/** What becomes of content: the value, or the code and text of the error. */
async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return { value: await read() };
  } catch (error) {
    assert.ok(isConnectorError(error), String(error));
    return { code: error.code, message: error.message };
  }
}

/** Fails unless content over the bound is read in slices, and becomes the same as in one go. */
async function same(text: string | Buffer, options: Partial<FormatOptions> = {}, format: Format = "delimited", hints: ContentHints = {}): Promise<unknown> {
  const content = Buffer.from(text as string);
  assert.ok(content.length > LARGE, `${content.length} bytes are not enough`);
  const all = { ...DEFAULT_OPTIONS, ...options };
  const inSlices = decodeInSlices(content, format, hints, all, never);
  assert.ok(inSlices, "it is not read in slices");
  const found = await outcome(() => inSlices);
  assert.deepEqual(found, await outcome(() => decode(content, format, hints, all)));
  return found;
}

describe("large delimited text is read in slices, to the same rows and errors as in one go", () => {
  it("with quotes and without, with a header, with columns and with neither", async () => {
    for (const line of [plainLine, quotedLine]) {
      const text = lines(100_000, line);
      const { value } = (await same(text)) as { value: unknown[] };
      assert.ok(value.length > 1_000);
      await same(text, { columns: ["note", "id"] });
      await same(text, { header: false });
      await same(text, { header: false, columns: ["a", "b", "c", "d", "e", "f", "g"] });
    }
    await same(lines(100_000, plainLine).replaceAll(",", "||"), { delimiter: "||" });
    await same(lines(100_000, quotedLine).replaceAll("\r", "").replaceAll(",\n", ","), { quote: "" });
    await same(lines(100_000, quotedLine).replaceAll('"', "'"), { quote: "'" });
  });

  it("wherever a piece ends: within a character, a line end, a quote or a delimiter", async () => {
    for (const shift of [0, 1, 2, 3]) {
      const start = "x".repeat(shift);
      await same(`${start}a||b\r\n` + "😀||ü\r\n".repeat(8_000), { delimiter: "||" });
      await same(`${start}a||"b"\r\n` + '"😀""\r\n"||"ü"\r\n\r\n'.repeat(4_000), { delimiter: "||" });
      await same(`${start}a\r` + "b\n\r\rc\r\n".repeat(10_000));
    }
    await same("\ufeffa,b\n" + "\ufeff1,\ufeff2\n".repeat(8_000));
  });

  it("in any charset", async () => {
    const text = lines(100_000, (index) => `${index},ä,é,ü,ß,ö,á\r\n`);
    await same(Buffer.from(text, "latin1"), { encoding: "windows-1252" });
    await same(Buffer.from(`\ufeff${text}`, "utf16le"));
    await same(Buffer.from(text, "utf16le").subarray(0, -1), { encoding: "utf-16le" });
    await same(Buffer.concat([Buffer.from(text), Buffer.from([0xc3])]));
    await same(Buffer.concat([Buffer.from(text), Buffer.from([0xff]), Buffer.from(text)]));
    await same(Buffer.concat([Buffer.from("a,b\n"), Buffer.alloc(100_000, 0x81)]), { encoding: "windows-1252" });
    await same(text, { encoding: "no-such" });
  });

  it("by the content type as well", async () => {
    await same(lines(100_000, plainLine), {}, "auto", { contentType: "text/csv; charset=utf-8" });
    await same(lines(100_000, plainLine), {}, "auto", { contentType: "text/csv; header=absent" });
    await same(lines(100_000, plainLine).replaceAll(",", "\t"), {}, "auto", { contentType: "text/tab-separated-values" });
  });

  it("in one long line, which is no longer work than many", async () => {
    for (const quote of ['"', ""]) await same(`${"x".repeat(500)},`.repeat(500), { header: false, quote });
    await same(`"${"x\n".repeat(100_000)}"`, { header: false });
  });

  it("refused by the line that does not fit", async () => {
    const behind = (text: string) => lines(150_000, plainLine) + text;
    for (const wrong of ["1,2\n", '1,2,3,4,5,6,"x\n', '1,2,3,4,5,6,x"y\n', '1,2,3,4,5,6,"x"y\n']) {
      const found = (await same(behind(wrong))) as { message: string };
      assert.match(found.message, /line \d{4}/);
    }
    await same(lines(100_000, plainLine).replace("code", "id"));
    await same(lines(100_000, plainLine), { columns: ["none"] });
    await same(lines(100_000, plainLine), { header: false, columns: ["a"] });
    await same(lines(100_000, plainLine).replace("code", "__proto__"));
    await same("\n".repeat(100_000), { columns: ["a"] });
    await same(`${"a,".repeat(50_000)}b\n`);
  });

  it("up to the same size", async () => {
    const found = await Promise.all([same("a\r\n".repeat(250_001)), same(",".repeat(2_000_001)), same("a\r\n".repeat(250_000))]);
    assert.deepEqual(found.map((each) => (each as { code?: string }).code), ["PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE", undefined]);
  });
});

describe("reading in slices", () => {
  it("is for delimited text over 64 KiB only", () => {
    const large = Buffer.alloc(LARGE + 1, "a");
    const reads = (content: Buffer, format: Format, hints: ContentHints = {}): boolean => decodeInSlices(content, format, hints, DEFAULT_OPTIONS, () => true) !== undefined;
    assert.deepEqual([reads(large, "delimited"), reads(large, "auto", { contentType: "text/csv" })], [true, true]);
    for (const format of ["auto", "json", "xml", "text", "buffer"] as const) assert.equal(reads(large, format), false, format);
    assert.equal(reads(large, "auto", { contentType: "text/plain" }), false);
    assert.equal(reads(large.subarray(1), "delimited"), false);
    assert.equal(reads(large, "delimited", { contentEncoding: "gzip" }), false);
    assert.equal(reads(Buffer.alloc(MAX_CONTENT + 1), "delimited"), false);
  });

  it("gives the event loop back after a few ms of work, however many are read at once", async () => {
    const contents = [plainLine, quotedLine].map((line) => Buffer.from(lines(1 << 20, line)));
    const inOneGo = await work(() => contents.map((content) => decode(content, "delimited")));
    const inSlices = await work(() => Promise.all([...contents, ...contents].map(async (content) => await decodeInSlices(content, "delimited", {}, DEFAULT_OPTIONS, never))));
    assert.ok(inOneGo.longest > 40, `the work is too little to tell: ${inOneGo.longest} ms`);
    // the collector of garbage has a turn of its own now and then
    const [, , , fourth = 0] = inSlices.turns;
    assert.ok(fourth < 20, `turns of ${inSlices.turns.slice(0, 6).join(", ")} ms`);
    assert.ok(inSlices.longest < inOneGo.longest / 2, `a turn of ${inSlices.longest} ms`);
  });

  it("ends when nobody wants the value any more", async () => {
    let asked = 0;
    const content = Buffer.from(lines(4 << 20, quotedLine));
    const value = await decodeInSlices(content, "delimited", {}, DEFAULT_OPTIONS, () => (asked += 1) > 10);
    assert.equal(value, undefined);
    assert.equal(asked, 11);
  });
});

describe("long lists of rows are written in slices", () => {
  const objects = Array.from({ length: 3_000 }, (_, index) => ({ id: index, note: `a "quoted", ${index}`, when: new Date(index), none: null, ...(index === 2_999 ? { late: "x" } : {}) }));
  const lists = objects.map((row) => Object.values(row).slice(0, 4));

  /** Fails unless the value is written in slices, and becomes the same as in one go. */
  async function sameText(value: unknown, options: Partial<FormatOptions> = {}): Promise<string> {
    const all = { ...DEFAULT_OPTIONS, ...options };
    const writing = encodeInSlices(value, "delimited", all);
    assert.ok(writing, "it is not written in slices");
    const found = await outcome(() => writing);
    assert.deepEqual(found, await outcome(() => encode(value, "delimited", all)));
    const { value: encoded, message } = found as { value?: { content: Buffer }; message?: string };
    return encoded?.content.toString() ?? message ?? "";
  }

  it("the same as in one go, and as those that are written in one step", async () => {
    assert.match(await sameText(objects), /^id,note,when,none,late\n0,"a ""quoted"", 0",1970-01-01T00:00:00.000Z,,\n(.*\n){2998}2999,.*,,x\n$/);
    assert.match(await sameText(lists, { header: false }), /^0,"a/);
    const byTens = Array.from({ length: 300 }, (_, index) => encode(lists.slice(index * 10, index * 10 + 10), "delimited").content.toString());
    assert.equal(await sameText(lists), byTens.join(""));
    await sameText(objects, { columns: ["note", "id"], encoding: "windows-1252", delimiter: ";" });
    await sameText(lists, { columns: ["a", "b", "c", "d"] });
    await sameText(Array.from({ length: 10_000 }, (_, index) => index));
    assert.equal(decode(Buffer.from(await sameText(objects.slice(0, 2_999))), "delimited") instanceof Array, true);
  });

  it("or refused by the line at fault", async () => {
    assert.match(await sameText([...lists, ["a;", "b", "c", "d"]], { delimiter: ";", quote: "" }), /^Line 3001 cannot be written/);
    assert.match(await sameText([...objects, lists[0]]), /lists and objects/);
    assert.match(await sameText([...lists, [1]], { columns: ["a", "b", "c", "d"] }), /A row has 1 fields, for 4 columns/);
    assert.match(await sameText(Array.from({ length: 70 }, () => Array.from({ length: 100 }, () => "x".repeat(3_000)))), /bytes; 16777216 is the most/);
  });

  it("and short ones, text and other formats are not", () => {
    for (const value of [objects.slice(0, 1_000), objects[0], "a,b\n".repeat(50_000), null, []]) assert.equal(encodeInSlices(value, "delimited"), undefined);
    for (const format of ["auto", "json", "xml", "text", "buffer"] as const) assert.equal(encodeInSlices(objects, format), undefined, format);
  });

  it("between which the event loop has its turn", async () => {
    const many = Array.from({ length: 20 }, () => objects).flat();
    const inOneGo = await work(() => encode(many, "delimited"));
    const inSlices = await work(async () => await encodeInSlices(many, "delimited"));
    assert.ok(inOneGo.longest > 40, `the work is too little to tell: ${inOneGo.longest} ms`);
    const [, , , fourth = 0] = inSlices.turns;
    assert.ok(fourth < 20, `turns of ${inSlices.turns.slice(0, 6).join(", ")} ms`);
    assert.ok(inSlices.longest < inOneGo.longest / 2, `a turn of ${inSlices.longest} ms`);
  });
});

/** Does some work, and tells how long the turns of the event loop were meanwhile, the longest first: in ms of this thread, which other processes do not slow down. */
async function work(action: () => unknown): Promise<{ longest: number; turns: number[] }> {
  const turns: number[] = [];
  let on = true;
  let before = process.threadCpuUsage();
  const turn = (): void => {
    const { user, system } = process.threadCpuUsage(before);
    before = process.threadCpuUsage();
    turns.push((user + system) / 1_000);
    if (on) setImmediate(turn);
  };
  setImmediate(turn);
  await action();
  on = false;
  await new Promise((resolve) => setImmediate(resolve));
  turns.sort((a, b) => b - a);
  return { longest: turns[0] ?? 0, turns };
}
