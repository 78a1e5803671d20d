import { ConnectorError, isConnectorError } from "../../common/errors";

/** An item that crashes the driver does so again: after so many crashes in a row, items are stored one by one to find it. */
const DEATHS = 3;
/** An item is to blame after so many crashes during which the process served no other request, … */
const DEATHS_ALONE = 2;
/** … or after so many during which it served others, any of which may be to blame. */
const DEATHS_IN_COMPANY = 8;

/** For each database, the try of a single item that is in progress: of two at the same time, each would be blamed for the other. */
const turns = new WeakMap<object, Promise<unknown>>();

/** Finds the one message that crashes the database's driver, and with it the process, so that it fails alone. */
export class CrashGuard<Item, Outcome> {
  /** How often in a row the process crashed while it wrote for this node. */
  private deaths = 0;

  /**
   * @param database the client, whose process crashes
   * @param store stores items in one request
   * @param refuse the outcome of an item with an error
   * @param most deaths in a row after which items are stored one by one; 1 where each try commits again what it has done before the crash
   */
  constructor(
    private readonly database: object,
    private readonly store: (items: Item[]) => Promise<Outcome[]>,
    private readonly refuse: (error: ConnectorError) => Outcome,
    private readonly most = DEATHS,
  ) {}

  /** One outcome per item, in order. @throws whatever `store` throws, unless the fault is found */
  async write(items: Item[]): Promise<Outcome[]> {
    if (this.deaths < this.most) {
      const outcomes = await this.counted(items);
      this.deaths = 0;
      return outcomes;
    }
    const outcomes: Outcome[] = [];
    // an item that fails for another reason gets its error as its outcome: thrown, it would lose the outcomes of the others
    for (const item of items) outcomes.push(await this.alone(item));
    this.deaths = 0;
    return outcomes;
  }

  private alone(item: Item): Promise<Outcome> {
    const outcome = (turns.get(this.database) ?? Promise.resolve()).then(() => this.tryAlone(item));
    turns.set(this.database, outcome.catch(() => undefined));
    return outcome;
  }

  private async tryAlone(item: Item): Promise<Outcome> {
    for (let blame = 0; ; ) {
      try {
        return (await this.counted([item]))[0] as Outcome;
      } catch (error) {
        if (!isConnectorError(error)) throw error;
        if (!isCrash(error)) return this.refuse(error);
        blame += 1 / (wasAlone(error) ? DEATHS_ALONE : DEATHS_IN_COMPANY);
        if (blame >= 1) return this.refuse(new ConnectorError("ROW_REFUSED", `The driver crashes on this message: ${error.message}`));
      }
    }
  }

  private async counted(items: Item[]): Promise<Outcome[]> {
    try {
      return await this.store(items);
    } catch (error) {
      if (isCrash(error)) this.deaths += 1;
      throw error;
    }
  }
}

/** Whether the driver crashed the process, by the signal that ended it. Others, as SIGKILL, come from outside or from our own time limits. */
function isCrash(error: unknown): boolean {
  return isConnectorError(error) && /^SIG(ABRT|SEGV|BUS|ILL|FPE|TRAP)$/.test(String(error.details["ended"]));
}

/** Whether the process served no other request when it ended. */
function wasAlone({ details }: ConnectorError): boolean {
  return details["requests"] === undefined || details["requests"] === 1;
}
