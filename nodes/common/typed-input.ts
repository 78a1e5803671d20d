import { withValue } from "./environment";
import { ConnectorError, errorText } from "./errors";

/** The parts of `RED.util` that typed inputs need, by shape. */
export interface TypedInputUtil {
  evaluateNodeProperty(value: string, type: string, node: never, msg: object, callback?: (error: Error | null, value: unknown) => void): unknown;
  getMessageProperty(msg: object, path: string): unknown;
  prepareJSONataExpression(expression: string, node: never): unknown;
  evaluateJSONataExpression(expression: never, msg: object, callback: (error: Error | null, value: unknown) => void): void;
}

/** Gives the value of a typed input for one message: a promise of it for JSONata and context stores, else the value itself. */
export type TypedValue = (msg: object) => unknown;

/** Types whose text may look like a reference to the environment: it is JSONata, or Node-RED looks it up. */
const MAY_REFER: ReadonlySet<string> = new Set(["jsonata", "env"]);

/** Calls `make` with a value: at once, or when the promise of it has resolved. So nothing waits for a promise that need not. */
export function whenReady<V, R>(value: V | Promise<V>, make: (value: V) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(make) : make(value);
}

/** As {@link whenReady}, for several values. */
export function whenAllReady<R>(values: readonly unknown[], make: (values: readonly unknown[]) => R | Promise<R>): R | Promise<R> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values).then(make) : make(values);
}

/**
 * Compiles the value of a typed input when the node is made, so that a message only costs its evaluation. A `msg` path that leads nowhere
 * gives `undefined`.
 *
 * @param node the node that the input belongs to, by whose flow context and environment variables are found
 * @param label the name of the input in errors
 * @throws ConnectorError `NOT_CONFIGURED` when the value cannot be read at all (bad JSONata, bad JSON, an environment variable without a value)
 */
export function compileTypedInput(util: TypedInputUtil, node: object, value: unknown, type: string, label = "value"): TypedValue {
  const text = MAY_REFER.has(type) ? String(value ?? "") : withValue(value);
  const self = node as never;
  switch (type) {
    case "msg":
      return (msg) => getPath(util, msg, text);
    case "jsonata":
      return compileJsonata(util, self, text, label);
    case "flow":
    case "global":
      return (msg) => evaluate((callback) => util.evaluateNodeProperty(text, type, self, msg, callback), label);
    case "date":
      return (msg) => util.evaluateNodeProperty(text, type, self, msg);
    default:
      return constant(util, self, text, type, label);
  }
}

function getPath(util: TypedInputUtil, msg: object, path: string): unknown {
  try {
    return util.getMessageProperty(msg, path);
  } catch {
    return undefined; // Node-RED throws when a property on the way is missing
  }
}

function compileJsonata(util: TypedInputUtil, node: never, text: string, label: string): TypedValue {
  let expression: never;
  try {
    expression = util.prepareJSONataExpression(text, node) as never;
  } catch (error) {
    throw new ConnectorError("NOT_CONFIGURED", `${label}: ${errorText(error)} in JSONata ${text}`, { cause: error });
  }
  return (msg) => evaluate((callback) => util.evaluateJSONataExpression(expression, msg, callback), label);
}

function evaluate(run: (callback: (error: Error | null, value: unknown) => void) => void, label: string): Promise<unknown> {
  const value = new Promise((resolve, reject) => {
    const callback = (error: Error | null, value: unknown): void => {
      if (error) reject(new ConnectorError("INPUT_INVALID", `${label}: ${errorText(error)}`, { cause: error }));
      else resolve(value);
    };
    try {
      run(callback);
    } catch (error) {
      callback(error as Error, undefined);
    }
  });
  value.catch(() => undefined); // another value of the message may throw before anyone waits for this one: unhandled, it would end Node-RED
  return value;
}

/** A value that is the same for every message, evaluated once. An object is given out itself each time: who changes it must copy it first. */
function constant(util: TypedInputUtil, node: never, text: string, type: string, label: string): TypedValue {
  let value: unknown;
  try {
    value = util.evaluateNodeProperty(text, type || "str", node, {});
  } catch (error) {
    throw new ConnectorError("NOT_CONFIGURED", `${label}: ${errorText(error)}`, { cause: error });
  }
  return () => value;
}
