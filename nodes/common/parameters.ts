import { textIn } from "./environment";
import type { TypedValue } from "./typed-input";

/** A name in a query or statement and where its value comes from, as the editor saves them. */
export interface ParameterDef {
  name: string;
  value: string;
  valueType: string;
}

/** The same, ready to be evaluated. */
export interface Parameter {
  name: string;
  value: TypedValue;
}

/** Those of a form's list that have a name, with or without the colon it has in the query; their values are paths in the message unless they say otherwise. */
export function listedParameters(defs: readonly ParameterDef[] = []): ParameterDef[] {
  return defs
    .map(({ name, value, valueType }) => ({ name: textIn(name).replace(/^:/, ""), value, valueType: valueType || "msg" }))
    .filter(({ name }) => name);
}

/** Makes a form's list ready. @param compile makes one typed input ready; its label stands in errors */
export function compileParameters(defs: readonly ParameterDef[] | undefined, compile: (value: string, type: string, label: string) => TypedValue): Parameter[] {
  return listedParameters(defs).map(({ name, value, valueType }) => ({ name, value: compile(value, valueType, `:${name}`) }));
}

/**
 * Those of an object's own properties that are named.
 *
 * @param convert makes a value fit; its errors are passed on
 */
export function ownValues<V>(source: unknown, names: readonly string[], convert: (value: unknown, name: string) => V): Record<string, V> {
  const values: Record<string, V> = {};
  if (typeof source !== "object" || source === null) return values;
  for (const name of names) {
    const value = Object.hasOwn(source, name) ? (source as Record<string, unknown>)[name] : undefined;
    if (value !== undefined) values[name] = convert(value, name);
  }
  return values;
}

/** Finds the values of a query's names for each message: those of the node's list, and the others among the payload's properties. */
export class Parameters<V = unknown> {
  /** Those that the payload must have. */
  private readonly fromPayload: string[];

  /**
   * @param names those in the query
   * @param own the node's list
   * @param convert makes a value fit for what takes the query; its errors are passed on
   */
  constructor(
    names: readonly string[],
    private readonly own: readonly Parameter[],
    private readonly convert: (value: unknown, name: string) => V,
  ) {
    const given = new Set(own.map(({ name }) => name));
    this.fromPayload = names.filter((name) => !given.has(name));
  }

  /** The values for one message. What the payload lacks is left out: who binds the values tells of it. @throws what `convert` throws */
  for(msg: object): Record<string, V> | Promise<Record<string, V>> {
    const values = ownValues((msg as { payload?: unknown }).payload, this.fromPayload, this.convert);
    const waiting: Promise<void>[] = [];
    for (const { name, value: evaluate } of this.own) {
      const value = evaluate(msg);
      if (value instanceof Promise) waiting.push(quiet(value.then((ready: unknown) => void (values[name] = this.convert(ready, name)))));
      else values[name] = this.convert(value, name);
    }
    return waiting.length > 0 ? Promise.all(waiting).then(() => values) : values;
  }
}

/** A value behind this one may throw before anyone waits for it: unhandled, it would end Node-RED. */
function quiet<T>(value: Promise<T>): Promise<T> {
  value.catch(() => undefined);
  return value;
}
