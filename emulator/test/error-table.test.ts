import assert from "node:assert/strict";
import { startEmulator, type Emulator } from "../src/index";
import { Api, assertError, http } from "./helpers";

/** One test a row of the table of errors: a wrong request, and the words the org refuses it with. */
describe("a wrong request is refused with", () => {
  let emulator: Emulator;
  let api: Api;

  before(async () => {
    emulator = await startEmulator({
      schema: [
        {
          name: "Meter__c",
          fields: [
            { name: "Count__c", type: "int" },
            { name: "Level__c", type: "double", precision: 5, scale: 2 },
            { name: "Read_On__c", type: "date" },
            { name: "Serial__c", type: "string", externalId: true },
          ],
        },
      ],
    });
  });
  beforeEach(async () => {
    emulator.control.reset();
    api = await Api.connect(emulator);
  });
  after(() => emulator.stop());

  const createCase = (record: Record<string, unknown>) => api.send("POST", "/sobjects/Case", record);

  it("REQUIRED_FIELD_MISSING when a required field has no value", async () => {
    const answer = await api.send("POST", "/sobjects/Contact", { FirstName: "Ada" });
    assertError(answer, 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]);
    const id = await api.create("Contact", { LastName: "Lovelace" });
    assertError(await api.send("PATCH", `/sobjects/Contact/${id}`, { LastName: "" }), 400, "REQUIRED_FIELD_MISSING", /\[LastName\]/);
  });

  it("INVALID_FIELD when a column does not exist", async () => {
    assertError(await createCase({ Foo__c: 1 }), 400, "INVALID_FIELD", "No such column 'Foo__c' on sobject of type Case");
  });

  it("INVALID_FIELD when the id, or the external id of the path, stands in the body", async () => {
    const text = "The Id field should not be specified in the sobject data.";
    assertError(await createCase({ Id: "500000000000001AAA" }), 400, "INVALID_FIELD", text);
    const id = await api.create("Case", { Subject: "x" });
    assertError(await api.send("PATCH", `/sobjects/Case/${id}`, { Id: id }), 400, "INVALID_FIELD", text);
    const path = "/sobjects/Case/Device_Event_Id__c/e1";
    assertError(await api.send("PATCH", path, { Id: id }), 400, "INVALID_FIELD", text);
    assertError(await api.send("PATCH", path, { Device_Event_Id__c: "e1" }), 400, "INVALID_FIELD", /Device_Event_Id__c field should not/);
  });

  it("MALFORMED_ID when a reference is no id, has a wrong checksum, or is of another kind of record", async () => {
    const contact = await api.create("Contact", { LastName: "x" });
    for (const id of ["nonsense", "001SW0000000001ZZZ", contact]) {
      assertError(await createCase({ AccountId: id }), 400, "MALFORMED_ID", `Account ID: id value of incorrect type: ${id}`, ["AccountId"]);
    }
    assertError(await api.get(`/sobjects/Account/${contact}`), 400, "MALFORMED_ID", `Account ID: id value of incorrect type: ${contact}`, [
      "Id",
    ]);
  });

  it("STRING_TOO_LONG when a text is longer than its field", async () => {
    assert.equal((await createCase({ Subject: "x".repeat(255) })).status, 201);
    const answer = await createCase({ Subject: "x".repeat(256) });
    assertError(answer, 400, "STRING_TOO_LONG", /^Subject: data value too large: x+… \(max length=255\)$/, ["Subject"]);
  });

  it("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST when a value is not on the list", async () => {
    const text = "Case Origin: bad value for restricted picklist field: Foo";
    assertError(await createCase({ Origin: "Foo" }), 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, ["Origin"]);
    assertError(await createCase({ Status: "Foo" }), 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", /^Status/);
    assertError(await createCase({ Priority: "Foo" }), 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", /^Priority/);
  });

  it("DUPLICATE_VALUE when a unique value is taken, in any case of its letters", async () => {
    const id = await api.create("Case", { Device_Event_Id__c: "Event-1" });
    const text = `duplicate value found: Device_Event_Id__c duplicates value on record with id: ${id}`;
    assertError(await createCase({ Device_Event_Id__c: "EVENT-1" }), 400, "DUPLICATE_VALUE", text);
  });

  it("DUPLICATES_DETECTED when a duplicate rule holds, unless the caller allows it", async () => {
    const rule = { errorCode: "DUPLICATES_DETECTED", message: "Use one of these records?" };
    emulator.control.addRule({ object: "Account", condition: "Name = 'Acme'", ...rule });
    assertError(await api.send("POST", "/sobjects/Account", { Name: "ACME" }), 400, "DUPLICATES_DETECTED", "Use one of these records?");
    const allowed = await api.send("POST", "/sobjects/Account", { Name: "ACME" }, { "Sforce-Duplicate-Rule-Header": "allowSave=true" });
    assert.equal(allowed.status, 201);
  });

  it("FIELD_CUSTOM_VALIDATION_EXCEPTION when a validation rule holds", async () => {
    emulator.control.addRule({
      object: "Case",
      condition: "Priority = 'High' AND Subject = null",
      message: "Say why",
      fields: ["Subject"],
    });
    assertError(await createCase({ Priority: "High" }), 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Say why", ["Subject"]);
    assert.equal((await createCase({ Priority: "High", Subject: "leak" })).status, 201);
  });

  it("INVALID_CROSS_REFERENCE_KEY when a parent does not exist", async () => {
    const answer = await createCase({ AccountId: "001000000000001AAA" });
    assertError(answer, 400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ["AccountId"]);
  });

  it("INVALID_FIELD_FOR_INSERT_UPDATE when a field is filled by the org", async () => {
    const answer = await createCase({ CaseNumber: "1", CreatedDate: "2026-01-01T00:00:00Z" });
    assertError(answer, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", /^Unable to create\/update fields: CaseNumber, CreatedDate\./, [
      "CaseNumber",
      "CreatedDate",
    ]);
    const id = await api.create("Case", { Subject: "x" });
    assertError(await api.send("PATCH", `/sobjects/Case/${id}`, { IsClosed: true }), 400, "INVALID_FIELD_FOR_INSERT_UPDATE", /IsClosed/);
  });

  describe("JSON_PARSER_ERROR", () => {
    const syntax: [string, string][] = [
      ["x", "Unexpected character ('x' (code 120)): expected a valid value or separator at [line:1, column:1]"],
      ['{"Subject":\n  oops}', "Unexpected character ('o' (code 111)): expected a valid value or separator at [line:2, column:3]"],
      ['{"Subject":"a",}', "Unexpected character ('}' (code 125)): expected a valid value or separator at [line:1, column:16]"],
      ['{"Subject":"a"', "Unexpected end-of-input at [line:1, column:15]"],
      ['{"Subject":"a"} x', "Unexpected character ('x' (code 120)): expected a valid value or separator at [line:1, column:17]"],
    ];
    for (const [body, text] of syntax) {
      it(`says where ${JSON.stringify(body)} goes wrong`, async () => {
        assertError(await api.send("POST", "/sobjects/Case", body), 400, "JSON_PARSER_ERROR", text);
      });
    }

    it("when there is no body, or it is no object", async () => {
      assertError(
        await api.send("POST", "/sobjects/Case", ""),
        400,
        "JSON_PARSER_ERROR",
        /requires? an? entity body|entity body is required/,
      );
      assertError(await api.send("POST", "/sobjects/Case", []), 400, "JSON_PARSER_ERROR", /Expected a JSON object/);
    });

    const shapes: [string, unknown, RegExp][] = [
      ["Serial__c", { a: 1 }, /Cannot deserialize instance of string from START_OBJECT value {/],
      ["Serial__c", ["a"], /instance of string from START_ARRAY value \[/],
      ["Count__c", "many", /instance of int from VALUE_STRING value many/],
      ["Count__c", 1.5, /instance of int from VALUE_NUMBER_FLOAT value 1.5/],
      ["Level__c", true, /instance of double from VALUE_TRUE value true/],
      ["Read_On__c", "20/11/2026", /instance of date from VALUE_STRING value 20\/11\/2026/],
      ["Read_On__c", "2026-02-30", /instance of date from VALUE_STRING/],
    ];
    for (const [field, value, text] of shapes) {
      it(`when ${field} is ${JSON.stringify(value)}`, async () => {
        assertError(await api.send("POST", "/sobjects/Meter__c", { [field]: value }), 400, "JSON_PARSER_ERROR", text);
      });
    }
  });

  it("NUMBER_OUTSIDE_VALID_RANGE when a number has too many digits", async () => {
    assertError(await api.send("POST", "/sobjects/Meter__c", { Level__c: 12345 }), 400, "NUMBER_OUTSIDE_VALID_RANGE", /12345/, [
      "Level__c",
    ]);
  });

  it("INVALID_EMAIL_ADDRESS when an address is none", async () => {
    assertError(
      await createCase({ SuppliedEmail: "nobody" }),
      400,
      "INVALID_EMAIL_ADDRESS",
      "Email Address: invalid email address: nobody",
    );
  });

  it("UNABLE_TO_LOCK_ROW when someone else holds the record or its parent", async () => {
    const account = await api.create("Account", { Name: "Acme" });
    emulator.control.lockRecord({ id: account });
    const text = `unable to obtain exclusive access to this record or 1 records: ${account}`;
    assertError(await api.send("PATCH", `/sobjects/Account/${account}`, { Phone: "1" }), 400, "UNABLE_TO_LOCK_ROW", text);
    assertError(await createCase({ AccountId: account }), 400, "UNABLE_TO_LOCK_ROW", text);
    emulator.control.unlockRecord({ id: account });
    assert.equal((await createCase({ AccountId: account })).status, 201);
  });

  it("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY when a trigger says no", async () => {
    const rule = { errorCode: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message: "CaseTrigger: execution of BeforeInsert" };
    emulator.control.addRule({ object: "Case", condition: "Subject LIKE '%boom%'", ...rule });
    assertError(await createCase({ Subject: "Boom!" }), 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", /CaseTrigger/);
  });

  it("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY when the parent may not be used", async () => {
    const account = await api.create("Account", { Name: "Secret" });
    const rule = {
      errorCode: "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
      message: "insufficient access rights on cross-reference id",
    };
    emulator.control.addRule({ object: "Case", condition: `AccountId = '${account}'`, ...rule });
    assertError(await createCase({ AccountId: account }), 400, rule.errorCode, rule.message);
  });

  it("MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE and INVALID_QUERY_LOCATOR for a wrong query", async () => {
    assertError(await api.query("SELECT Id FRM Case"), 400, "MALFORMED_QUERY", /\^\nERROR at Row:1:Column:\d+\nunexpected token/);
    assertError(
      await api.query("SELECT Foo FROM Case"),
      400,
      "INVALID_FIELD",
      /No such column 'Foo' on entity 'Case'\. If you are attempting/,
    );
    assertError(await api.query("SELECT Id FROM Foo"), 400, "INVALID_TYPE", /sObject type 'Foo' is not supported\./);
    assertError(await api.get("/query/01gSW0000000009AAA-2000"), 400, "INVALID_QUERY_LOCATOR", "invalid query locator");
  });

  it("401 INVALID_SESSION_ID without a token or with a bad one, and INVALID_AUTH_HEADER with a header of another kind", async () => {
    const url = `${emulator.url}/services/data/v66.0/limits`;
    assertError(await http(url), 401, "INVALID_SESSION_ID", "Session expired or invalid");
    assertError(await http(url, { headers: { Authorization: "Bearer wrong" } }), 401, "INVALID_SESSION_ID", "Session expired or invalid");
    assertError(await http(url, { headers: { Authorization: "wrong" } }), 401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE");
  });

  it("403 REQUEST_LIMIT_EXCEEDED when the calls of the day are used up, or too many run at once", async () => {
    emulator.control.setApiUsage({ used: 5, max: 6 });
    const last = await api.get("/limits");
    assert.equal(last.headers.get("sforce-limit-info"), "api-usage=6/6");
    assertError(await api.get("/limits"), 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
    emulator.control.setApiUsage({ used: 0 });
    emulator.control.requestLimit({ kind: "concurrent" });
    assertError(await api.get("/limits"), 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.");
  });

  for (const errorCode of ["API_DISABLED_FOR_ORG", "INSUFFICIENT_ACCESS_OR_READONLY", "FUNCTIONALITY_NOT_ENABLED"]) {
    it(`403 ${errorCode} when the org is told to`, async () => {
      emulator.control.failNext({ status: 403, errorCode, message: "no" });
      assertError(await api.get("/limits"), 403, errorCode, "no");
    });
  }

  it("404 NOT_FOUND for an object, a path, a version or a record that is not there", async () => {
    const text = "The requested resource does not exist";
    assertError(await api.send("POST", "/sobjects/Foo", {}), 404, "NOT_FOUND", text);
    assertError(await api.get("/nonsense"), 404, "NOT_FOUND", text);
    assertError(await api.get("/constructor"), 404, "NOT_FOUND", text);
    assertError(await api.at(99).get("/limits"), 404, "NOT_FOUND", text);
    assertError(await api.get("/sobjects/Case/500000000000001AAA"), 404, "NOT_FOUND", text);
    const notAnId = "Provided external ID field does not exist or is not accessible: nonsense";
    assertError(await api.get("/sobjects/Case/nonsense"), 404, "NOT_FOUND", notAnId);
    assertError(await api.send("PATCH", "/sobjects/Case/Subject/x", {}), 404, "NOT_FOUND", /external ID field does not exist .* Subject$/);
  });

  it("404 ENTITY_IS_DELETED for a record that is deleted", async () => {
    const id = await api.create("Case", { Subject: "x" });
    assert.equal((await api.send("DELETE", `/sobjects/Case/${id}`)).status, 204);
    for (const method of ["GET", "DELETE"]) {
      assertError(await api.send(method, `/sobjects/Case/${id}`), 404, "ENTITY_IS_DELETED", "entity is deleted");
    }
    assertError(await api.send("PATCH", `/sobjects/Case/${id}`, { Subject: "y" }), 404, "ENTITY_IS_DELETED", "entity is deleted");
  });

  it("405 METHOD_NOT_ALLOWED for a method a resource does not have", async () => {
    const text = "HTTP Method 'PUT' not allowed. Allowed are HEAD,GET,POST";
    assertError(await api.send("PUT", "/sobjects/Case", {}), 405, "METHOD_NOT_ALLOWED", text);
    assertError(await api.send("POST", "/limits", {}), 405, "METHOD_NOT_ALLOWED", /Allowed are HEAD,GET$/);
  });

  it("410 UNSUPPORTED_API_VERSION for a retired version", async () => {
    assertError(await api.at(30).get("/limits"), 410, "UNSUPPORTED_API_VERSION", /30\.0/);
    assert.equal((await api.at(31).get("/limits")).status, 200);
  });

  it("415 UNSUPPORTED_MEDIA_TYPE for a body that is not said to be JSON", async () => {
    const answer = await api.send("POST", "/sobjects/Case", "{}", { "Content-Type": "text/plain" });
    assertError(answer, 415, "UNSUPPORTED_MEDIA_TYPE", /text\/plain/);
  });

  it("414 and 431 for a request line, or request line and headers, over 16,384 bytes", async () => {
    assert.equal((await api.query(`SELECT Id FROM Case WHERE Subject = '${"x".repeat(16_384)}'`)).status, 414);
    assert.equal((await api.get("/limits", { "X-Long": "x".repeat(16_384) })).status, 431);
  });

  it("500 UNKNOWN_EXCEPTION when the org is told to", async () => {
    emulator.control.failNext();
    assertError(await api.get("/limits"), 500, "UNKNOWN_EXCEPTION", /^An unexpected error occurred\. Please include this ErrorId/);
  });

  it("503 SERVER_UNAVAILABLE as JSON or as HTML while the org is down", async () => {
    emulator.control.unavailable();
    assertError(await api.get("/limits"), 503, "SERVER_UNAVAILABLE", /^We are performing maintenance/);
    emulator.control.unavailable({ html: true });
    const answer = await api.get("/limits");
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get("content-type")!, /^text\/html/);
  });
});
