import { ConnectorError } from "../../../common/errors";
import type { RestClient } from "../rest";
import { escapeText, readResponse, type SoapResult, type SoapValue, toElement } from "./soap-xml";

/** One call of the partner API. */
export interface SoapRequest {
  /** Name of the operation, such as `merge` or `convertLead`. */
  operation: string;
  /** The arguments as XML, in the order of the WSDL. */
  content: string;
  /** Headers besides that of the session, such as `AllOrNoneHeader` or `DuplicateRuleHeader`. */
  headers?: Record<string, SoapValue>;
}

/**
 * Makes calls of the SOAP partner API through the org's REST client, with its token, its renewal of the token and its limit of calls at once. A refused call rejects with
 * the error of its fault, by the same table as for REST.
 */
export class SoapClient {
  constructor(private readonly rest: Pick<RestClient, "raw" | "version">) {}

  /** Makes a call. @returns the elements of the operation's response: `{ result: … }`, or `{}` if it is empty */
  async call({ operation, content, headers = {} }: SoapRequest): Promise<Record<string, SoapResult>> {
    const envelope = (sessionId: string): string =>
      '<?xml version="1.0" encoding="UTF-8"?>' +
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
      `<soapenv:Header><SessionHeader><sessionId>${escapeText(sessionId)}</sessionId></SessionHeader>${headerElements(headers)}</soapenv:Header>` +
      `<soapenv:Body><${operation}>${content}</${operation}></soapenv:Body></soapenv:Envelope>`;
    const answer = await this.rest.raw({
      method: "POST",
      path: `/services/Soap/u/${this.rest.version}`,
      body: envelope,
      headers: { "content-type": "text/xml; charset=UTF-8", soapaction: '""', accept: "text/xml" },
    });
    if (answer.status !== 200) throw new ConnectorError("ORG_UNAVAILABLE", `The org's address answered a SOAP call with HTTP ${answer.status}`, { details: { status: answer.status } });
    return readResponse(answer.body, operation);
  }
}

function headerElements(headers: Record<string, SoapValue>): string {
  return Object.entries(headers)
    .map(([name, value]) => toElement(name, value))
    .join("");
}
