import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { ConnectorError, errorText } from "../../../common/errors";

/** Claims of the JWT bearer flow. */
export interface JwtClaims {
  /** Consumer key of the app. */
  clientId: string;
  /** User name of the user to sign in as. */
  username: string;
  /** Login host: production, sandbox or My Domain. */
  audience: string;
  /** Current time in ms since the epoch. Default: now. */
  now?: number;
}

/** Lifetime of an assertion, in s: Salesforce asks for at most three minutes. */
const LIFETIME = 180;

/** Smallest RSA modulus that the platform takes, in bits. */
const MIN_BITS = 2048;

/**
 * Reads a private key from PEM text, and checks that it fits the JWT bearer flow.
 * Line breaks may also be written as the two characters `\n`, as they often are in environment variables.
 *
 * @throws ConnectorError `ORG_LOGIN_FAILED` that says what is wrong with the key; never quotes it
 */
export function readPrivateKey(pem: string): KeyObject {
  const text = pem.replace(/\\n/g, "\n").trim();
  if (!text) throw keyError("is missing");
  if (/BEGIN (TRUSTED )?CERTIFICATE/.test(text) && !/PRIVATE KEY/.test(text)) throw keyError("is a certificate; paste the private key that belongs to it");
  if (/BEGIN (RSA )?PUBLIC KEY/.test(text)) throw keyError("is a public key; paste the private key");
  if (/ENCRYPTED/.test(text)) throw keyError("is protected by a passphrase; store it without one (openssl pkey -in key.pem -out plain.pem)");
  if (!/BEGIN (RSA )?PRIVATE KEY/.test(text)) throw keyError("is not PEM text; it starts with -----BEGIN PRIVATE KEY-----");
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    throw keyError(`cannot be read (${errorText(error)}); was it pasted whole, with all line breaks?`);
  }
  if (key.asymmetricKeyType !== "rsa") throw keyError(`is of type ${key.asymmetricKeyType}; RS256 needs an RSA key`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_BITS) throw keyError(`has ${bits} bits; Salesforce takes ${MIN_BITS} or more`);
  return key;
}

/** Makes a signed assertion (RS256), valid for {@link LIFETIME} seconds. */
export function signAssertion(key: KeyObject, claims: JwtClaims): string {
  const now = Math.floor((claims.now ?? Date.now()) / 1000);
  const body = { iss: claims.clientId, sub: claims.username, aud: claims.audience, exp: now + LIFETIME };
  const input = `${part({ alg: "RS256", typ: "JWT" })}.${part(body)}`;
  return `${input}.${sign("RSA-SHA256", Buffer.from(input), key).toString("base64url")}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function keyError(text: string): ConnectorError {
  return new ConnectorError("ORG_LOGIN_FAILED", `The private key ${text}`, { details: { permanent: true } });
}
