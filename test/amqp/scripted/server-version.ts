/** A RabbitMQ version, for what differs between them. */
export class Version {
  private readonly numbers: number[];

  /** @param text e.g. `4.3.1` */
  constructor(readonly text: string) {
    this.numbers = text.split(".").map(Number);
  }

  atLeast(major: number, minor = 0): boolean {
    const [ownMajor = 0, ownMinor = 0] = this.numbers;
    return ownMajor > major || (ownMajor === major && ownMinor >= minor);
  }
}
