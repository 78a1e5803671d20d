import type { Request } from "../http";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import type { XmlElement } from "./xml";

/** One call of the SOAP API. */
export interface SoapCall {
  org: Org;
  request: Request;
  /** For example 64 of `/services/Soap/u/64.0`. */
  version: number;
  /** The element in the envelope's body: its name is the operation's, its children are the arguments. */
  operation: XmlElement;
  /** The envelope's header, if there is one: `SessionHeader`, `AllOrNoneHeader` and the like are its children. */
  header: XmlElement | undefined;
}

/** A call with the session its `SessionHeader` names. */
export interface SessionCall extends SoapCall {
  session: Session;
}

/** A refusal of the SOAP API: HTTP 500 with a fault. */
export class SoapFault extends Error {
  override readonly name = "SoapFault";

  /**
   * @param code a status code, for example `INVALID_LOGIN`
   * @param text what the org says, without the code
   * @param type the element in the fault's detail, for example `LoginFault`
   */
  constructor(
    readonly code: string,
    readonly text: string,
    readonly type = "ApiFault",
  ) {
    super(`${code}: ${text}`);
  }
}
