const ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/";
const BODY = /<(?:([\w-]+):)?Body\b[^>]*>\s*(?:<!--.*?-->\s*)*<(?:([\w-]+):)?(\w+)([^>]*)>/s;

/**
 * The namespace of the operation in a request, `""` when it has none. The reader of the XML leaves namespaces out, and a client that sends
 * none, or another API's, has to be told.
 */
export function operationNamespace(text: string): string {
  const match = BODY.exec(text);
  if (!match) return "";
  const [, , prefix, , attributes = ""] = match;
  return namespaceIn(attributes, prefix) ?? namespaceIn(text.slice(0, match.index + match[0].length), prefix) ?? "";
}

/** Whether the root is an envelope of SOAP 1.1. */
export function isSoapEnvelope(text: string): boolean {
  const root = /<(?:([\w-]+):)?Envelope\b([^>]*)>/s.exec(text);
  return root !== null && namespaceIn(root[2]!, root[1]) === ENVELOPE;
}

/** What a prefix, or no prefix, stands for in some tags; the last one wins. */
function namespaceIn(tags: string, prefix: string | undefined): string | undefined {
  const name = prefix === undefined ? "xmlns" : `xmlns:${prefix}`;
  const found = [...tags.matchAll(/\s(xmlns(?::[\w-]+)?)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].filter((one) => one[1] === name).pop();
  return found ? (found[2] ?? found[3]) : undefined;
}
