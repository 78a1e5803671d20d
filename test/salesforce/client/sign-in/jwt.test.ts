import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { isConnectorError } from "../../../../nodes/common/errors";
import { readPrivateKey, signAssertion } from "../../../../nodes/salesforce/client/sign-in/jwt";

const rsa = pair(2048);
const PASSPHRASE = { cipher: "aes-256-cbc", passphrase: "x" };

function pair(bits: number, protection: object = {}): { publicKey: string; privateKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  return { publicKey: String(publicKey.export({ type: "spki", format: "pem" })), privateKey: String(privateKey.export({ type: "pkcs8", format: "pem", ...protection })) };
}

describe("The assertion of the JWT bearer flow", () => {
  it("names key, user and login host, ends in three minutes, and carries a signature the public key proves", () => {
    const now = 1_700_000_000_000;
    const [header, claims, signature] = signAssertion(readPrivateKey(rsa.privateKey), { clientId: "3MVG9", username: "a@b.c", audience: "https://login.salesforce.com", now }).split(".");
    const read = (part?: string): unknown => JSON.parse(Buffer.from(part ?? "", "base64url").toString());
    assert.deepEqual(read(header), { alg: "RS256", typ: "JWT" });
    assert.deepEqual(read(claims), { iss: "3MVG9", sub: "a@b.c", aud: "https://login.salesforce.com", exp: 1_700_000_180 });
    assert.ok(verify("RSA-SHA256", Buffer.from(`${header}.${claims}`), rsa.publicKey, Buffer.from(signature ?? "", "base64url")));
  });

  it("takes a key whose line breaks are written as \\n, as environment variables carry it", () => {
    assert.equal(readPrivateKey(rsa.privateKey.replace(/\n/g, "\\n")).asymmetricKeyType, "rsa");
  });

  for (const [what, text, reason] of [
    ["nothing", "", /missing/],
    ["a public key", rsa.publicKey, /public key/],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", /certificate/],
    ["some text", "3MVG9secret", /not PEM/],
    ["half a key", rsa.privateKey.slice(0, 200), /cannot be read/],
    ["an elliptic key", String(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" })), /needs an RSA key/],
    ["a short key", pair(1024).privateKey, /1024 bits/],
    ["a key with a passphrase", pair(2048, PASSPHRASE).privateKey, /passphrase/],
  ] as const) {
    it(`says what is wrong with ${what}, without quoting it`, () => {
      assert.throws(
        () => readPrivateKey(text),
        (error) => isConnectorError(error) && error.code === "ORG_LOGIN_FAILED" && reason.test(error.message) && !error.message.includes("3MVG9secret"),
      );
    });
  }
});
