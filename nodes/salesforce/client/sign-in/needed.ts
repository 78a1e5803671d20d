import { textIn } from "../../../common/environment";
import { ConnectorError } from "../../../common/errors";

/** A credential, trimmed. @throws ConnectorError `NOT_CONFIGURED` that names it when it is blank, or the variable that it was to come from */
export function needed(value: string | undefined, what: string): string {
  const text = textIn(value);
  if (!text) throw new ConnectorError("NOT_CONFIGURED", `The Salesforce org has no ${what}`);
  return text;
}
