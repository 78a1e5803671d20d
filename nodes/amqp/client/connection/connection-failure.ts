import { ConnectorError, isConnectorError } from "../../../common/errors";
import { brokerText, replyCode } from "../errors";

/** Whether waiting may help after a failed connect (`network`) or somebody has to change something (`refused`). The two are tried again after different delays. */
export type Lane = "network" | "refused";

/** A connection error, with what is known of how it can be fixed. */
export interface ConnectionFailure {
  lane: Lane;
  /** The reason in one word. Each is logged once. */
  reason: "network" | "credentials" | "vhost" | "certificate" | "mechanism" | "protocol" | "token";
  /** Whether the problem may go away by itself. For a refusal, an example is a server that is starting, which refuses its virtual hosts. */
  mayPass: boolean;
  error: ConnectorError;
}

/** The data of the attempt to connect that the error's text uses. */
export interface Attempted {
  /** Host and port, never credentials. */
  where: string;
  vhost: string;
  /** Seconds. */
  connectTimeout: number;
  /** What was used to sign in, such as "user name or password". */
  shown: string;
  /** Whether the connection was open already. Default false. */
  wasOpen?: boolean;
  /** For how many ms no heartbeat could be sent because the process was busy. */
  busy?: number;
}

/** Texts for the codes that Node.js gives when it has not accepted the server's certificate. */
const CERTIFICATE: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "nobody known here has signed it; give the CA certificate in the TLS settings",
  SELF_SIGNED_CERT_IN_CHAIN: "nobody known here has signed it; give the CA certificate in the TLS settings",
  UNABLE_TO_GET_ISSUER_CERT: "nobody known here has signed it; give the CA certificate in the TLS settings",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "nobody known here has signed it; give the CA certificate in the TLS settings",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "nobody known here has signed it; give the CA certificate in the TLS settings",
  CERT_SIGNATURE_FAILURE: "the CA certificate in the TLS settings has not signed it",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet; is the clock right?",
  CERT_REVOKED: "it was revoked",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another name; use that one, or give it as the server name in the TLS settings",
  HOSTNAME_MISMATCH: "it is for another name; use that one, or give it as the server name in the TLS settings",
};

/** Texts for the codes that Node.js gives when no connection could be made. */
const NETWORK: Record<string, string> = {
  ENOTFOUND: "the name is not known here",
  EAI_AGAIN: "the name could not be looked up",
  ECONNREFUSED: "nothing takes connections there",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to its network",
};

/** Finds out from an error why a connection could not be made or was lost. */
export function connectionFailure(cause: unknown, attempted: Attempted): ConnectionFailure {
  // no token could be had, so the broker was not asked at all
  if (isConnectorError(cause)) return { lane: cause.code === "BROKER_UNAVAILABLE" ? "network" : "refused", reason: "token", mayPass: false, error: cause };
  const { where, vhost, shown } = attempted;
  const reply = replyCode(cause);
  const text = brokerText(cause);
  const code = codeOf(cause);
  const refuse = (reason: ConnectionFailure["reason"], why: string, mayPass = false): ConnectionFailure => {
    return { lane: "refused", reason, mayPass, error: new ConnectorError("BROKER_REFUSED", why, { cause, details: { where, code: reply ?? code } }) };
  };
  if (reply === 403 || (reply === 530 && /secret/i.test(text))) return refuse("credentials", `${where} refused the ${shown}: ${text}`);
  // on an open connection, 530 is about a request made on it. When the server closes instead of opening the virtual host, amqplib 2.3.1 does not pass on the server's text
  if ((reply === 530 && !attempted.wasOpen) || /Expected ConnectionOpenOk/.test(text)) {
    return refuse("vhost", `${where} refused the virtual host ${vhost}: it does not exist there, the user may not use it, or it takes no more connections`, true);
  }
  const certificate = CERTIFICATE[code];
  if (certificate !== undefined || code.startsWith("CERT_") || code.startsWith("ERR_TLS_CERT")) {
    return refuse("certificate", `The certificate of ${where} was not accepted: ${certificate === undefined ? text : `${certificate} (${text})`}`);
  }
  if (/^ERR_SSL.*ALERT.*CERTIFICATE_REQUIRED|^ERR_SSL.*ALERT_HANDSHAKE_FAILURE/.test(code)) return refuse("certificate", `${where} asks for a client certificate: choose one in the TLS settings`);
  if (/^ERR_SSL.*ALERT.*(CERTIFICATE|UNKNOWN_CA)/.test(code)) return refuse("certificate", `${where} did not accept the client certificate (${code}). One that was renewed is read when the flows are restarted`);
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)|^EPROTO$/.test(code)) return refuse("protocol", `${where} does not speak TLS on that port; is it amqp:// instead of amqps://?`, true);
  const mechanism = /SASL mechanism (\S+)/.exec(text)?.[1];
  if (mechanism) return refuse("mechanism", `${where} does not take the sign-in by ${shown} (SASL ${mechanism})`);
  if (/^Frame size|^Invalid frame|^Unknown frame type|Expected ConnectionStart;/.test(text)) return refuse("protocol", `What answers at ${where} does not speak AMQP 0-9-1`, true);
  const error = new ConnectorError("BROKER_UNAVAILABLE", networkText(text, code, attempted), { cause, details: { where, code: reply ?? code } });
  return { lane: "network", reason: "network", mayPass: true, error };
}

function networkText(text: string, code: string, { where, connectTimeout, wasOpen, busy }: Attempted): string {
  if (busy) return `The connection to ${where} was lost: a node kept Node-RED busy for ${Math.round(busy / 1000)} s, in which no heartbeat was sent (${text}). Let it work in parts, or raise Heartbeat`;
  if (wasOpen) return `The connection to ${where} was lost: ${text || "no word from it"}`;
  const said = `No connection to ${where}`;
  const known = NETWORK[code];
  if (known !== undefined) return `${said}: ${known} (${code})`;
  if (code === "ETIMEDOUT" || /ETIMEDOUT/.test(text)) return `${said}: no answer within ${connectTimeout} s (ETIMEDOUT)`;
  if (/Socket closed abruptly/.test(text) || code === "ECONNRESET") {
    return `${said}: it hung up before the connection was open; is that the port for AMQP, and TLS as the address says?`;
  }
  return `${said}: ${text || "no answer"}`;
}

/** Returns the code that Node.js gives an error, or "". When several addresses of a name have failed, it is the code of the first. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
