const ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/";
const BODY = /<(?:([\w-]+):)?Body\b[^>]*>\s*(?:<!--.*?-->\s*)*<(?:([\w-]+):)?(\w+)([^>]*)>/s;

/**
 * Returns the namespace of the operation in a request; `""` if it has none. The XML parser leaves namespaces out, but a request with no namespace, or with that of another
 * API, must be refused.
 */
export function operationNamespace(text: string): string {
  const match = BODY.exec(text);
  if (!match) return "";
  const [, , prefix, , attributes = ""] = match;
  return namespaceIn(attributes, prefix) ?? namespaceIn(text.slice(0, match.index + match[0].length), prefix) ?? "";
}

/** Whether the root element is an envelope of SOAP 1.1. */
export function isSoapEnvelope(text: string): boolean {
  const root = /<(?:([\w-]+):)?Envelope\b([^>]*)>/s.exec(text);
  return root !== null && namespaceIn(root[2]!, root[1]) === ENVELOPE;
}

/** Returns the last namespace that some tags declare for a prefix, or as the default namespace if `prefix` is `undefined`. */
function namespaceIn(tags: string, prefix: string | undefined): string | undefined {
  const name = prefix === undefined ? "xmlns" : `xmlns:${prefix}`;
  const found = [...tags.matchAll(/\s(xmlns(?::[\w-]+)?)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].filter((one) => one[1] === name).pop();
  return found ? (found[2] ?? found[3]) : undefined;
}
