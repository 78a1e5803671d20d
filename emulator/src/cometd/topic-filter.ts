import { Refusal } from "./bayeux";

/** Returns whether a record goes to a subscription such as `/topic/T?Field=value`. */
export type TopicFilter = (sobject: Record<string, unknown>) => boolean;

/**
 * Reads the query of a subscription to a PushTopic: `Status='New'&Priority='High'`.
 *
 * @param fields the fields that the PushTopic selects
 * @throws Refusal for a field that it does not select
 */
export function topicFilter(query: string, fields: readonly string[]): TopicFilter {
  const conditions = query.split("&").map((part) => {
    const [name = "", value = ""] = part.split(/=(.*)/s).map(decode);
    return { name, value: value.replace(/^(['"])(.*)\1$/s, "$2") };
  });
  const known = new Map(fields.map((field) => [field.toLowerCase(), field]));
  const unknown = conditions.filter(({ name }) => !known.has(name.toLowerCase())).map(({ name }) => name);
  if (unknown.length > 0) throw new Refusal(`400::Query fields {${unknown.join(", ")}} do not exist on the topic entity`);
  return (sobject) => conditions.every(({ name, value }) => String(sobject[known.get(name.toLowerCase())!] ?? null) === value);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
