import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { connectionString, dialectOfDriver } from "../../../nodes/sql/client/connection-string";

const notConfigured = (error: unknown): boolean => isConnectorError(error) && error.code === "NOT_CONFIGURED";

describe("An ODBC connection string", () => {
  it("gets the credentials, in place of those it has", () => {
    const built = connectionString("Driver=x;Server=h;uid=old;Password=old", { username: "me", password: "p;w{}" }, "auto");
    assert.equal(built, "Driver=x;Server=h;UID=me;PWD={p;w{}}}");
  });

  it("keeps what is set when there are no credentials", () => {
    assert.equal(connectionString("DSN=plant;UID=me", {}, "auto"), "DSN=plant;UID=me");
  });

  it("gets the settings without which the driver damages data, unless it sets them itself", () => {
    const built = connectionString("Driver={PostgreSQL Unicode};Server=h;maxvarcharsize=100", {}, "auto");
    assert.equal(built, "Driver={PostgreSQL Unicode};Server=h;maxvarcharsize=100;BoolsAsChar=0;Protocol=7.4-0");
    assert.match(connectionString("DSN=plant", {}, "mariadb"), /;CHARSET=utf8mb4$/);
  });

  it("keeps braces with semicolons and doubled braces in them", () => {
    assert.equal(connectionString("Driver=x; Options={a;b=}}c} ;Server=h;", {}, "auto"), "Driver=x;Options={a;b=}}c};Server=h");
  });

  it("is refused, without being shown, when it cannot be read", () => {
    for (const text of ["", "  ;", "Driver", "Driver=x;PWD={secret"]) {
      assert.throws(() => connectionString(text, {}, "auto"), (error: Error) => notConfigured(error) && !error.message.includes("secret"), text);
    }
  });

  it("tells the product by its driver", () => {
    assert.equal(dialectOfDriver("server=h;DRIVER = {PostgreSQL ANSI}"), "postgresql");
    assert.equal(dialectOfDriver("Driver=/usr/lib/libmaodbc.so"), "mariadb");
    assert.equal(dialectOfDriver("Driver={MySQL ODBC 8.0 Unicode Driver};Database=postgres"), "mariadb");
    assert.equal(dialectOfDriver("Driver=SQLite3;Database=x"), "sqlite");
    assert.equal(dialectOfDriver("DSN=postgres"), undefined);
  });
});
