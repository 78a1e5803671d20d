/** One line that tells how far things are: rewritten in place on a terminal, every few seconds elsewhere. */
export class Progress {
  readonly #timer: NodeJS.Timeout;
  readonly #start = Date.now();
  readonly #terminal = process.stdout.isTTY;
  #last = 0;
  #width = 0;

  /** @param line - gives the text; a rejection leaves the line as it was */
  constructor(line: () => Promise<string>) {
    let busy = false;
    const show = async (): Promise<void> => {
      if (busy) return;
      busy = true;
      try {
        this.#show(await line());
      } catch {
        // a server is just being restarted
      } finally {
        busy = false;
      }
    };
    this.#timer = setInterval(() => void show(), this.#terminal ? 300 : 1_000);
  }

  /** Writes a line above the progress line. */
  say(text: string): void {
    this.#clear();
    console.log(`${this.#seconds()}  ${text}`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #show(text: string): void {
    const line = `${this.#seconds()}  ${text}`;
    if (this.#terminal) {
      const cut = line.slice(0, (process.stdout.columns || 120) - 1);
      process.stdout.write(`\r${cut.padEnd(this.#width)}`);
      this.#width = cut.length;
    } else if (Date.now() - this.#last > 3_000) {
      this.#last = Date.now();
      console.log(line);
    }
  }

  #clear(): void {
    if (this.#width > 0) process.stdout.write(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }

  #seconds(): string {
    return `${Math.round((Date.now() - this.#start) / 1000)} s`.padStart(7);
  }
}
