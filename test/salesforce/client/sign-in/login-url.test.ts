import assert from "node:assert/strict";
import { isConnectorError } from "../../../../nodes/common/errors";
import { secureOrigin } from "../../../../nodes/salesforce/client/sign-in/login-url";

describe("A login URL", () => {
  for (const url of ["https://login.salesforce.com", "https://acme.my.salesforce.com/", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:5/x"]) {
    it(`may be ${url}`, () => assert.equal(secureOrigin(url), new URL(url).origin));
  }

  for (const [url, reason] of [
    ["http://login.salesforce.com", /https/],
    ["http://127.0.0.1.evil.example", /https/],
    ["ftp://localhost", /https/],
    ["login.salesforce.com", /not a URL/],
    ["", /not a URL/],
    ["https://me:secret@login.salesforce.com", /user name or password/],
    ["https://acme.lightning.force.com", /my\.salesforce\.com/],
    ["https://acme--test.sandbox.my.salesforce-setup.com", /my\.salesforce\.com/],
  ] as const) {
    it(`may not be "${url}"`, () => {
      assert.throws(
        () => secureOrigin(url),
        (error) => isConnectorError(error) && error.code === "NOT_CONFIGURED" && reason.test(error.message) && !error.message.includes("secret@"),
      );
    });
  }
});
