import assert from "node:assert/strict";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { callError, isSessionExpired } from "../../../../nodes/salesforce/client/errors";
import { listOf, readResponse, toElement, toRecordElement } from "../../../../nodes/salesforce/client/soap/soap-xml";

const envelope = (body: string): string =>
  `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:x" xmlns:xsi="urn:y"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;
const fault = (code: string, text: string) => ({
  status: 500,
  headers: {},
  body: envelope(`<soapenv:Fault><faultcode>sf:${code}</faultcode><faultstring>${code}: ${text}</faultstring></soapenv:Fault>`),
});
const isCode = (code: string) => (error: unknown): boolean => (error as ConnectorError).code === code;

describe("An envelope of the SOAP API", () => {
  it("escapes what would be XML, and a carriage return", () => {
    assert.equal(toElement("a", `<b> & "c" ]]>\r\n`), "<a>&lt;b&gt; &amp; &quot;c&quot; ]]&gt;&#13;\n</a>");
  });

  it("writes null as nil, leaves undefined out, repeats lists, and dates and Buffers as text", () => {
    assert.equal(toElement("a", null), '<a xsi:nil="true"/>');
    assert.equal(toElement("a", { b: undefined, c: [1, true], d: new Date(0), e: Buffer.from("hi") }), "<a><c>1</c><c>true</c><d>1970-01-01T00:00:00.000Z</d><e>aGk=</e></a>");
  });

  it("cannot be broken by a name or a character that XML does not know", () => {
    assert.throws(() => toElement("a><b", "x"), isCode("INPUT_INVALID"));
    assert.throws(() => toElement("a", { "b c": 1 }), isCode("INPUT_INVALID"));
    assert.throws(() => toElement("a", "\u0000"), isCode("INPUT_INVALID"));
    assert.throws(() => toElement("a", new Date(NaN)), isCode("INPUT_INVALID"));
  });

  it("has a record's type first, then the fields to clear, its id, and its fields; a parent with its type", () => {
    const xml = toRecordElement("sObjects", "Device__c", { Name: "a", Plant__c: null, Id: "x", Site__r: { Number__c: "1" } });
    const parent = "<Site__r><type>Site__c</type><Number__c>1</Number__c></Site__r>";
    assert.equal(xml, `<sObjects><type>Device__c</type><fieldsToNull>Plant__c</fieldsToNull><Id>x</Id><Name>a</Name>${parent}</sObjects>`);
  });

  it("is read without prefixes: nil as null, text with its references replaced once", () => {
    const { result } = readResponse(envelope('<mergeResponse><result><sf:a xsi:nil="true"/><b>&amp;lt; &#38;</b><c/></result></mergeResponse>'), "merge");
    assert.deepEqual(result, { a: null, b: "&lt; &", c: "" });
    assert.deepEqual([listOf(undefined), listOf("x"), listOf(["x", "y"])], [[], ["x"], ["x", "y"]]);
    assert.deepEqual(readResponse(envelope("<logoutResponse/>"), "logout"), {});
  });

  it("is not taken for one when it is a proxy's page, another answer, or declares entities", () => {
    for (const text of ["<html>busy</html>", "", envelope("<otherResponse/>"), `<!DOCTYPE a [<!ENTITY b "c">]>${envelope("<mergeResponse>&b;</mergeResponse>")}`]) {
      assert.throws(() => readResponse(text, "merge"), (error: ConnectorError) => error.code === "ORG_UNAVAILABLE" && error.details.outcomeUnknown === true);
    }
  });
});

describe("A fault of the SOAP API", () => {
  for (const [code, wanted, scope, lost] of [
    ["INVALID_FIELD", "ORG_REFUSED", "message", undefined],
    ["UNABLE_TO_LOCK_ROW", "ORG_BUSY", "message", undefined],
    ["INVALID_TYPE", "ORG_OBJECT_UNKNOWN", "system", undefined],
    ["REQUEST_LIMIT_EXCEEDED", "ORG_LIMIT", "system", undefined],
    ["SERVER_UNAVAILABLE", "ORG_UNAVAILABLE", "system", undefined],
    ["UNKNOWN_EXCEPTION", "ORG_UNAVAILABLE", "system", true],
  ] as const) {
    it(`${code} is ${wanted}, as in REST`, () => {
      const error = callError(fault(code, "a &lt;text&gt;"));
      assert.deepEqual([error.code, error.scope, error.details.outcomeUnknown, error.details.errorCode], [wanted, scope, lost, code]);
      assert.match(error.message, new RegExp(`^${code}: a <text> \\(HTTP 500\\)`));
    });
  }

  it("that speaks of the session asks for a new one; any other does not", () => {
    assert.equal(isSessionExpired(fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader")), true);
    assert.equal(isSessionExpired(fault("INVALID_FIELD", "INVALID_SESSION_ID")), false);
  });
});
