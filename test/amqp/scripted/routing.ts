/** A binding of an exchange. */
export interface Binding {
  queue: string;
  routingKey: string;
  args: Record<string, unknown>;
}

/** An exchange and where it sends messages. */
export interface Exchange {
  type: string;
  durable: boolean;
  bindings: Binding[];
}

/** The queues that a message is for, each once. */
export function routesOf({ type, bindings }: Exchange, routingKey: string, headers: Record<string, unknown> = {}): string[] {
  const matching = bindings.filter((binding) => matches(type, binding, routingKey, headers));
  return [...new Set(matching.map(({ queue }) => queue))];
}

function matches(type: string, binding: Binding, routingKey: string, headers: Record<string, unknown>): boolean {
  if (type === "fanout") return true;
  if (type === "topic") return topicPattern(binding.routingKey).test(`.${routingKey}`);
  if (type !== "headers") return binding.routingKey === routingKey;
  const wanted = Object.entries(binding.args).filter(([name]) => !name.startsWith("x-"));
  const found = wanted.filter(([name, value]) => name in headers && (value === null || headers[name] === value));
  return binding.args["x-match"] === "any" ? found.length > 0 : found.length === wanted.length;
}

/** For a routing key with a dot before it, so that each word has one: `*` is one word, `#` any number of them. */
function topicPattern(key: string): RegExp {
  const words = key.split(".").map((word) => {
    if (word === "#") return "(?:\\.[^.]*)*";
    return word === "*" ? "\\.[^.]*" : `\\.${word.replace(/[^\w]/g, "\\$&")}`;
  });
  return new RegExp(`^${words.join("")}$`);
}
