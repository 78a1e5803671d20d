import type { TypedValue } from "../../common/typed-input";
import { plainValue } from "../client/encode";
import type { NamedStatement, PlainValue } from "../client/protocol";

/** The values of a statement's names. */
export type Values = NamedStatement["values"];

/** A name of the query and where its value comes from. */
export interface Parameter {
  name: string;
  value: TypedValue;
}

/** What may be a `:name`. It may also stand in a string or comment, where it does no harm: the child knows better, and asks for the others. */
const MAYBE_NAME = /(?<![:\w]):([A-Za-z_]\w*)/g;

/** What may be a statement's names, each once. */
export function namesIn(sql: string): string[] {
  return [...new Set([...sql.matchAll(MAYBE_NAME)].map(([, name]) => name as string))];
}

/** Finds the values of a query's `:name`s for each message: those of the node's list, and the others among the payload's properties. */
export class Parameters {
  /** Those that the payload must have. */
  private readonly fromPayload: string[];

  constructor(
    query: string,
    private readonly own: readonly Parameter[],
  ) {
    const given = new Set(own.map(({ name }) => name));
    this.fromPayload = namesIn(query).filter((name) => !given.has(name));
  }

  /**
   * The values for one message. A list stands for as many values, for `in (:ids)`.
   *
   * @throws ConnectorError `INPUT_INVALID` when a value cannot be given to a database; one that is missing is told by the statement
   */
  for(msg: object): Values | Promise<Values> {
    const values: Record<string, PlainValue | PlainValue[]> = {};
    const { payload } = msg as { payload?: unknown };
    if (typeof payload === "object" && payload !== null) {
      for (const name of this.fromPayload) {
        if (!Object.hasOwn(payload, name)) continue;
        const value = (payload as Record<string, unknown>)[name];
        if (value !== undefined) values[name] = valueOrList(value, name);
      }
    }
    const waiting: Promise<void>[] = [];
    for (const { name, value: evaluate } of this.own) {
      const value = evaluate(msg);
      if (value instanceof Promise) waiting.push(value.then((ready) => void (values[name] = valueOrList(ready, name))));
      else values[name] = valueOrList(value, name);
    }
    return waiting.length > 0 ? Promise.all(waiting).then(() => values) : values;
  }
}

function valueOrList(value: unknown, name: string): PlainValue | PlainValue[] {
  return Array.isArray(value) ? value.map((each) => plainValue(each, name)) : plainValue(value, name);
}
