import type { TypedValue } from "../../../common/typed-input";
import type { PreparedQuery, QueryValues } from "./query-binding";

/** A name of the query and where its value comes from. */
export interface Parameter {
  name: string;
  value: TypedValue;
}

/** The values of a query's names: those of the node's list, and the others among the payload's properties. */
export function valuesFor({ names }: PreparedQuery, own: readonly Parameter[], msg: object): QueryValues | Promise<QueryValues> {
  const values: QueryValues = {};
  const given = new Set(own.map(({ name }) => name));
  const { payload } = msg as { payload?: unknown };
  if (typeof payload === "object" && payload !== null) {
    for (const name of names) if (!given.has(name) && Object.hasOwn(payload, name)) values[name] = (payload as QueryValues)[name];
  }
  const waiting: Promise<void>[] = [];
  for (const { name, value: evaluate } of own) {
    const value = evaluate(msg);
    if (value instanceof Promise) waiting.push(value.then((ready: unknown) => void (values[name] = ready)));
    else values[name] = value;
  }
  return waiting.length > 0 ? Promise.all(waiting).then(() => values) : values;
}
