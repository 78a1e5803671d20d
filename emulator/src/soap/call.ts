import type { Request } from "../http";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import type { XmlElement } from "./xml";

/** A call of the SOAP API. */
export interface SoapCall {
  org: Org;
  request: Request;
  /** For example 64 for `/services/Soap/u/64.0`. */
  version: number;
  /** The element in the body of the envelope. Its name is that of the operation, and its children are the arguments. */
  operation: XmlElement;
  /** The header of the envelope, if there is one. Its children are headers such as `SessionHeader` and `AllOrNoneHeader`. */
  header: XmlElement | undefined;
}

/** A call with the session that its `SessionHeader` names. */
export interface SessionCall extends SoapCall {
  session: Session;
}

/** A refusal of the SOAP API. It is answered with HTTP status 500 and a fault. */
export class SoapFault extends Error {
  override readonly name = "SoapFault";

  /**
   * @param code a status code, for example `INVALID_LOGIN`
   * @param text the message of the org, without the code
   * @param type the element in the detail of the fault, for example `LoginFault`
   */
  constructor(
    readonly code: string,
    readonly text: string,
    readonly type = "ApiFault",
  ) {
    super(`${code}: ${text}`);
  }
}
