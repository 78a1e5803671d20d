/** How many lines are gathered before they are turned into bytes. */
const BLOCK = 1000;

interface Block {
  bytes: Buffer;
  /** Where each line ends in {@link bytes}. */
  ends: Uint32Array;
}

/** Lines of results. They are kept as bytes, so that a million rows of 100 characters take only 100 MB and no strings. */
export class Lines {
  private readonly blocks: Block[] = [];
  private open: string[] = [];

  get count(): number {
    return this.blocks.length * BLOCK + this.open.length;
  }

  add(line: string): void {
    this.open.push(line);
    if (this.open.length < BLOCK) return;
    this.blocks.push(toBlock(this.open));
    this.open = [];
  }

  /** Returns the bytes of the lines from `from` up to, but without, `to`. */
  slice(from = 0, to = this.count): Buffer[] {
    const found: Buffer[] = [];
    const last = this.open.length > 0 ? [toBlock(this.open)] : [];
    [...this.blocks, ...last].forEach(({ bytes, ends }, index) => {
      const first = index * BLOCK;
      const [start, end] = [Math.max(from - first, 0), Math.min(to - first, ends.length)];
      if (start < end) found.push(bytes.subarray(start === 0 ? 0 : ends[start - 1], ends[end - 1]));
    });
    return found;
  }
}

function toBlock(lines: readonly string[]): Block {
  const ends = new Uint32Array(lines.length);
  let end = 0;
  lines.forEach((line, index) => (ends[index] = end += Buffer.byteLength(line)));
  return { bytes: Buffer.from(lines.join("")), ends };
}
