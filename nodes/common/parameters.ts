import { textIn } from "./environment";
import type { TypedValue } from "./typed-input";

/** A row of a form's list of parameters, as the editor saves it: the name in the query, and a typed input for its value. */
export interface ParameterDef {
  name: string;
  value: string;
  valueType: string;
}

/** A parameter whose value is ready to be evaluated. */
export interface Parameter {
  name: string;
  value: TypedValue;
}

/** The rows of a form's list that have a name, without the colon before it. A value without a type is a path in the message. */
export function listedParameters(defs: readonly ParameterDef[] = []): ParameterDef[] {
  return defs
    .map(({ name, value, valueType }) => ({ name: textIn(name).replace(/^:/, ""), value, valueType: valueType || "msg" }))
    .filter(({ name }) => name);
}

/** Compiles the rows of a form's list. @param compile compiles one typed input; `label` names it in errors */
export function compileParameters(defs: readonly ParameterDef[] | undefined, compile: (value: string, type: string, label: string) => TypedValue): Parameter[] {
  return listedParameters(defs).map(({ name, value, valueType }) => ({ name, value: compile(value, valueType, `:${name}`) }));
}

/**
 * The named properties of an object, as far as it has them itself and they are not `undefined`.
 *
 * @param convert makes a value fit for the query. What it throws is thrown
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

/** Finds the values of a query's parameters for a message: those in the node's list as they are set there, all others among the properties of the payload. */
export class Parameters<V = unknown> {
  /** Names that are looked for in the payload. */
  private readonly fromPayload: string[];

  /**
   * @param names all parameters of the query
   * @param own the node's list
   * @param convert makes a value fit for the query. What it throws is thrown
   */
  constructor(
    names: readonly string[],
    private readonly own: readonly Parameter[],
    private readonly convert: (value: unknown, name: string) => V,
  ) {
    const given = new Set(own.map(({ name }) => name));
    this.fromPayload = names.filter((name) => !given.has(name));
  }

  /** The values for one message, by name. A name that the payload lacks is left out, to be reported where the values are bound. @throws what `convert` throws */
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

/** Handles a rejection in advance: a later value may throw before this one is awaited, and an unhandled rejection ends Node-RED. */
function quiet<T>(value: Promise<T>): Promise<T> {
  value.catch(() => undefined);
  return value;
}
