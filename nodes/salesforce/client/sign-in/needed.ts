import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";

/** Returns a credential, trimmed. @throws ConnectorError `NOT_CONFIGURED` when it is blank, with its name, or when its environment variable is missing, with the name of that */
export function needed(value: string | undefined, what: string): string {
  const text = textIn(value);
  if (!text) throw new ConnectorError("NOT_CONFIGURED", `The Salesforce org has no ${what}`);
  return text;
}
