import type { TypedValue } from "../../common/typed-input";
import { namedValue, namesIn, valuesFrom } from "../client/named-values";
import type { NamedStatement } from "../client/protocol";

/** The values of a statement's names. */
export type Values = NamedStatement["values"];

/** A name of the query and where its value comes from. */
export interface Parameter {
  name: string;
  value: TypedValue;
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
    const values = valuesFrom((msg as { payload?: unknown }).payload, this.fromPayload);
    const waiting: Promise<void>[] = [];
    for (const { name, value: evaluate } of this.own) {
      const value = evaluate(msg);
      if (value instanceof Promise) waiting.push(value.then((ready) => void (values[name] = namedValue(ready, name))));
      else values[name] = namedValue(value, name);
    }
    return waiting.length > 0 ? Promise.all(waiting).then(() => values) : values;
  }
}
